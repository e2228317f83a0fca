"""Programs at a terminal: what a person types and sees."""
import os
import pty
import re
import select
import subprocess
import time


class Terminal:
    """A program on a terminal of its own (a pseudo terminal that it controls): type to it, read what it shows."""

    def __init__(self, words, env, cwd=None, stdout=None):
        self.fd, inner = pty.openpty()
        self.seen = b""
        self.process = subprocess.Popen(["setsid", "--ctty", "--wait", *[str(w) for w in words]], stdin=inner, stdout=stdout or inner,
                                        stderr=inner, env=env, cwd=cwd)
        os.close(inner)

    def type(self, text):
        os.write(self.fd, text.encode())

    def _more(self, seconds):
        if not select.select([self.fd], [], [], max(0, seconds))[0]:
            return None
        try:
            return os.read(self.fd, 65536)
        except OSError:  # the other end is closed
            return b""

    def read_until(self, pattern, seconds=30):
        """What was shown from the last match to this one."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            part = self._more(end - time.monotonic())
            assert part, (pattern, self.seen[-2000:])
            self.seen += part
        text, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return text

    def end(self, seconds=60):
        """The exit code and all that was shown since the last match."""
        limit = time.monotonic() + seconds
        while part := self._more(limit - time.monotonic()):
            self.seen += part
        code = self.process.wait(timeout=10)
        os.close(self.fd)
        return code, self.seen

#!/usr/bin/python3
"""Puts COUNT authentic Ed25519 keys into the stopped store of a data folder, with the tools of tests/lib.

    seed_keys.py DATA COUNT
"""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lib"))
import records  # noqa: E402
import rows  # noqa: E402
import seed  # noqa: E402

ED25519, SIGN, VERIFY = 3, 1, 2


def main():
    data, count = Path(sys.argv[1]), int(sys.argv[2])
    root = records.open_seal_file(next((data / "seal").iterdir()).read_bytes())
    path = data / "store" / "store.db"
    seeder = seed.Seeder(root, (data / "epoch.key").read_bytes(), rows.load(path))
    material, began = seed.ed25519_seed(), time.time_ns()
    for i in range(count):
        seeder.key(f"key-{i:06}", ED25519, material, SIGN | VERIFY, tags=("all", f"team-{i % 7}"), created=began + i)
    rows.save(path, seeder.commit())


if __name__ == "__main__":
    main()

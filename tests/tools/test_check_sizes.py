from tree import run, write


def function(lines):
    return "static int f(int a,\n             int b)\n{\n" + "    g();\n" * (lines - 2) + "}\n"


def test_the_limit_of_a_function(tmp_path):
    assert run("check-sizes", write(tmp_path, **{"src/base/a.c": function(100)}))[0] == 0
    code, out = run("check-sizes", write(tmp_path, **{"src/base/a.c": function(101)}))
    assert code == 1 and "src/base/a.c:3: f has 101 lines" in out


def test_the_limit_of_a_file(tmp_path):
    assert run("check-sizes", write(tmp_path, **{"src/base/a.c": "int x;\n" * 800}))[0] == 0
    code, out = run("check-sizes", write(tmp_path, **{"src/base/a.c": "int x;\n" * 801}))
    assert code == 1 and "801 lines" in out


def test_braces_in_text_tables_and_macros_do_not_confuse(tmp_path):
    text = (
        '#define OPEN(x) \\\n    do { \\\n        g("{"); \\\n    } while (0)\n'
        "static const struct row rows[] = {\n" + "    { 1, '{' },\n" * 120 + "};\n"
        "struct s {\n    int a; /* } */\n};\n" + function(3)
    )
    code, out = run("check-sizes", write(tmp_path, **{"src/base/a.c": text}))
    assert code == 0 and "1 functions: median 3 lines" in out, out


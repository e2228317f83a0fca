import importlib.machinery
import importlib.util

from tree import ROOT

loader = importlib.machinery.SourceFileLoader("run_fuzz", str(ROOT / "tools" / "run-fuzz"))
run_fuzz = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_fuzz", loader))
loader.exec_module(run_fuzz)


def test_target_functions_are_read_from_the_first_comment():
    source = "/*\n * Target functions: hf_jws_parse, hf_jws_verify,\n * hf_json_read.\n *\n * The other hf_thing is not one.\n */\nint x;\n"
    assert run_fuzz.target_functions(source) == ["hf_jws_parse", "hf_jws_verify", "hf_json_read"]
    assert run_fuzz.target_functions("/* Target functions: hf_a_b */\n") == ["hf_a_b"]
    assert run_fuzz.target_functions("/* A fuzzer. */\n") == []


def test_coverage_counts_code_regions_only():
    def region(count, kind=0):
        return [1, 1, 2, 1, count, 0, 0, kind]

    export = {"data": [{"functions": [
        {"name": "hf_a", "regions": [region(3), region(0), region(0, kind=3)]},
        {"name": "b.c:local", "regions": [region(1)]},
        {"name": "hf_never", "regions": [region(0)]},
    ]}]}
    assert run_fuzz.region_coverage(export) == {"hf_a": 50, "local": 100, "hf_never": 0}

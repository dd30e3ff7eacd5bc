"""The device report, on this machine and on made-up ones; what does not load is named, never a crash."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hwr_edge.bench import device
from hwr_edge.bench.device import probes
from hwr_edge.cli import main
from hwr_edge.cli.doctor import as_text
from hwr_edge.runtimes import RUNTIMES, installed

PI = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32\nCPU implementer\t: 0x41\n"
    "CPU part\t: 0xd08\n",
    "proc/meminfo": "MemTotal:        3884832 kB\nMemAvailable:     150000 kB\n",
    "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver": "cpufreq-dt\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "1200000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1500000\n",
    "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0\n",
    "sys/devices/system/cpu/cpu1/topology/thread_siblings_list": "1\n",
    "sys/class/thermal/thermal_zone0/temp": "84500\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/class/video4linux/video0/name": "USB Camera\n",
}


def planted(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def whats(found: Mapping[str, Any]) -> str:
    return "\n".join(problem["what"] for problem in found["problems"])


def test_a_report_is_json_and_imports_no_runtime() -> None:
    code = (
        "import json, sys; from hwr_edge.bench import device; json.dumps(device.report());"
        "print(sorted({'cv2', 'onnxruntime', 'openvino', 'ai_edge_litert', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_raspberry_pi_is_described(tmp_path: Path) -> None:
    found = device.report(root=planted(tmp_path, PI))
    cpu = found["cpu"]
    assert found["system"]["board"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert found["system"]["os"] == "Debian GNU/Linux 12 (bookworm)"
    assert (cpu["model"], cpu["features"], cpu["cores"]) == ("Cortex-A72", ["NEON"], 2)
    assert (cpu["mhz"], cpu["mhz_limit"], cpu["mhz_max"]) == (600, 1200, 1500)
    assert cpu["celsius"] == 84.5
    assert cpu["throttle"] == {
        "now": ["under-voltage", "throttled"],
        "since_start": ["under-voltage", "throttled"],
        "events": None,
    }
    assert found["memory"] == {"total": 3884832 * 1024, "available": 150000 * 1024, "limit": None}
    assert found["cameras"] == [
        {"device": str(tmp_path / "dev/video0"), "name": "USB Camera", "opens": False}
    ]


def test_what_is_amiss_on_a_raspberry_pi_has_a_mend(tmp_path: Path) -> None:
    found = device.report(root=planted(tmp_path, PI))
    said = whats(found)
    for words in (
        "held back now: under-voltage",
        "hot: 84",
        "'ondemand'",
        "capped at 1200",
        "146 MB",
        "int8",
    ):
        assert words in said
    assert found["problems"][0]["severity"] == "error"
    assert "video $USER" in found["problems"][0]["mend"]
    assert all(problem["mend"] for problem in found["problems"])


def test_a_workstation_is_described(tmp_path: Path) -> None:
    files = {
        "proc/cpuinfo": "model name\t: Example 9000\nflags\t\t: sse4_2 avx avx2 fma avx512_vnni\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_driver": "intel_pstate",
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3",
        "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4",
        "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA T4\nIRQ: 1\n",
        "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue\n",
        "sys/fs/cgroup/memory.max": "104857600",
        "proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 15000000 kB\n",
    }
    found = device.report(root=planted(tmp_path, files))
    assert "AVX512-VNNI" in found["cpu"]["features"]
    assert found["cpu"]["throttle"]["events"] == 7
    assert found["gpus"] == [{"name": "NVIDIA T4", "driver": "nvidia 550.54.15"}]
    assert found["memory"]["limit"] == 100 << 20
    assert "100 MB" in whats(found)
    assert "governor" not in whats(found)  # intel_pstate clocks itself
    assert "no camera" in whats(found)


def test_a_system_without_proc_is_no_crash(tmp_path: Path) -> None:
    found = device.report(root=tmp_path)
    assert found["cameras"] is None
    assert found["cpu"]["features"] is None
    assert "cpu" in as_text(found | {"runtimes": []})


def test_a_container_that_sets_no_limit_has_none(tmp_path: Path) -> None:
    planted(tmp_path, PI | {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"})
    assert device.report(root=tmp_path)["memory"]["limit"] is None


def stub(folder: Path, name: str, code: str) -> None:
    (folder / f"{name}.py").write_text(code)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("import os; os._exit(7)", "exit code 7"),
        ("raise ImportError('libcudnn.so.9: cannot open')", "libcudnn"),
    ],
)
def test_a_runtime_that_does_not_load_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    stub(tmp_path, "onnxruntime", code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer = probes._ask("runtime", "onnxruntime")
    assert answer["loads"] is False
    assert said in answer["error"]


def test_a_runtime_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, "onnxruntime", "import time; time.sleep(30)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(probes, "SECONDS", 0.25)
    monkeypatch.setattr(probes, "_crowding", lambda: 4.0)  # a busy machine is waited for longer
    assert probes._ask("runtime", "onnxruntime")["error"] == "hangs: no answer within 1 s"


def test_opencv_without_libgl_gets_both_mends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, "cv2", "raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = device.report() | {"display": probes.display(True)}
    [problem] = [row for row in device.problems(found) if "OpenCV does not load" in row.what]
    assert problem.severity == "error"
    assert "libgl1" in problem.mend and "headless" in problem.mend


def test_packages_that_overwrite_each_other_are_an_error() -> None:
    found = device.report() | {"packages": {"onnxruntime": "1", "onnxruntime-gpu": "1"}}
    assert any("overwrite" in row.what and row.severity == "error" for row in device.problems(found))


def test_a_provider_that_does_not_start_is_an_error() -> None:
    row = {"name": "onnxruntime", "extra": "cpu", "installed": True, "loads": True, "error": None}
    row |= {"providers": {"CUDAExecutionProvider": False, "CPUExecutionProvider": True}, "seconds": 1.0}
    found = device.report() | {"runtimes": [row]}
    assert any("CUDAExecutionProvider" in row.what for row in device.problems(found))


@pytest.mark.usefixtures("bundled")
def test_doctor_tries_every_installed_runtime(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--format", "json"])
    found = json.loads(capfd.readouterr().out)
    assert {row["name"] for row in found["runtimes"]} == {entry.name for entry in RUNTIMES}
    assert {row["name"] for row in found["runtimes"] if row["loads"]} == set(installed())
    if importlib.util.find_spec("onnxruntime"):
        [row] = [row for row in found["runtimes"] if row["name"] == "onnxruntime"]
        assert row["providers"]["CPUExecutionProvider"] is True
    assert code == (4 if any(row["severity"] == "error" for row in found["problems"]) else 0)
    text = as_text(found)
    assert "loads and reads" in text and "mend: " in text

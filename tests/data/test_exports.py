import subprocess
import sys

from lepton_lab import data


def test_public_names():
    assert sorted(data.__all__) == [
        "Rows",
        "SHARDINGS",
        "SOURCES",
        "TASKS",
        "cut",
        "default_name",
        "dialect",
        "forget",
        "is_frame",
        "load",
        "locate",
        "open_rows",
        "open_shard",
        "open_split",
        "place",
        "read",
        "read_shards",
        "sample",
        "save_shards",
        "shard",
        "spread",
    ]
    assert all(hasattr(data, name) for name in data.__all__)


def test_import_loads_numpy_only():
    heavy = "{'pandas', 'pyarrow', 'sklearn', 'scipy', 'dask', 'PIL', 'tensorflow'}"
    code = f"import sys, lepton_lab.data; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

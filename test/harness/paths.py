"""Where the repository's things are."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
KAFKA_LIB = ROOT / ".cache" / "kafka" / "lib"
KAFKA_TEMPLATE = ROOT / "deploy" / "embedded" / "kafka"
TEST_DATA = Path(os.environ.get("MILLRACE_TEST_DATA", ROOT.parent / "shared" / "data"))
CHINOOK = ROOT / "test" / "data" / "chinook_invoices.csv"


def postgres_bin():
    """The newest PostgreSQL server's programs: Debian keeps them off PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if not initdb:
        raise FileNotFoundError(
            "no PostgreSQL server: neither /usr/lib/postgresql nor PATH has one"
        )
    return Path(initdb).parent


def clean_environment():
    """Our environment without any MILLRACE_ setting of the person who runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}

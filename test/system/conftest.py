"""What the stories share: one running system, made whole again before each of them."""

from pathlib import Path

import pytest
from harness import paths
from harness.seeds import Seeds
from harness.system import System


def pytest_addoption(parser):
    parser.addoption(
        "--build",
        default=str(paths.ROOT / "build" / "release"),
        help="the build whose programs run: build/release or build/checked",
    )
    parser.addoption(
        "--seed", type=int, default=None, help="take the random choices of an earlier run again"
    )


def pytest_configure(config):
    # One seed for all processes that share the stories among them.
    shared = getattr(config, "workerinput", {}).get("seed", config.getoption("--seed"))
    config.seeds = Seeds(shared)
    if config.pluginmanager.hasplugin("dsession"):
        config.pluginmanager.register(SharedSeed())


class SharedSeed:
    """Only with xdist, whose hook it is."""

    @staticmethod
    def pytest_configure_node(node):
        node.workerinput["seed"] = node.config.seeds.seed


def pytest_report_header(config):
    return f"build: {config.getoption('--build')}; --seed={config.seeds.seed}"


@pytest.fixture(scope="session")
def build(request):
    folder = Path(request.config.getoption("--build")).resolve()
    assert (folder / "bin" / "millrace-edge").exists(), f"{folder} has no programs: build it first"
    return folder


@pytest.fixture
def rng(request):
    """The story's random choices; a failing run's seed is in the header."""
    return request.config.seeds.random(request.node.name)


@pytest.fixture(scope="session")
def shared_system(tmp_path_factory, build):
    """Started once: a story leaves it hurt at most in what make_whole mends."""
    system = System(tmp_path_factory.mktemp("shared"), build)
    try:
        system.start_servers()
        yield system
        system.stop()
    finally:
        system.kill()


@pytest.fixture
def system(shared_system):
    shared_system.make_whole()
    yield shared_system
    for program in [shared_system.kafka, shared_system.postgres, *shared_system.programs]:
        program.thaw()


@pytest.fixture
def ingest(shared_system):
    """The shared system with a worker of logging and of reporting, too."""
    shared_system.make_whole("logging", "reporting")
    yield shared_system
    for program in [shared_system.kafka, shared_system.postgres, *shared_system.programs]:
        program.thaw()


@pytest.fixture
def own_system(tmp_path, build):
    """Servers of the story's own, for one that hurts the data itself. It starts the programs."""
    system = System(tmp_path, build)
    try:
        system.start_servers()
        yield system
        system.stop()
    finally:
        system.kill()

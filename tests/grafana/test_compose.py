"""The compose file and the provisioning: followed to every file and address they name; not run, for want of images."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from grafana.write import FOLDER
from sensor import config
from sensor.cli.samples import samples_dir

GRAFANA = FOLDER.parent


@pytest.fixture(scope="module")
def compose():
    """The file, its anchors resolved."""
    return yaml.safe_load((GRAFANA / "compose.yml").read_text())


@pytest.mark.needs_tool("docker-compose")
def test_compose_itself_takes_the_file(compose, tmp_path):
    """Debian's, by the schema of the specification; its `name` is of a later one."""
    (tmp_path / "compose.yml").write_text(yaml.safe_dump({key: of for key, of in compose.items() if key != "name"}))
    done = subprocess.run(
        ["docker-compose", "-f", tmp_path / "compose.yml", "config"], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert compose["services"].keys() == yaml.safe_load(done.stdout)["services"].keys()


def test_every_file_that_is_mounted_is_there_and_every_volume_is_named(compose):
    """Bind mounts from beside the file, read-only; named volumes declared."""
    for name, service in compose["services"].items():
        for mount in service["volumes"]:
            source, target, *mode = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount).split(":")
            assert target.startswith("/"), name
            if source.startswith("."):
                assert (GRAFANA / source).exists(), (name, source)
                assert ["ro"] == mode, (name, source)
            else:
                assert source in compose["volumes"], (name, source)


def test_services_wait_for_services_that_there_are(compose):
    """And what they need has ended where it is a step."""
    services = compose["services"]
    for name, service in services.items():
        wanted = service.get("depends_on", {})
        assert set(wanted) <= set(services), name
    assert {"condition": "service_completed_successfully"} == services["prometheus"]["depends_on"]["history"]


def test_everything_listens_on_loopback_alone(compose):
    """With the machine's own network, each is told to; the sensor's configuration says so, and is right."""
    services, text = compose["services"], (GRAFANA / "compose.yml").read_text()
    sensor = config.load(GRAFANA / "compose" / "site.toml")

    assert all("ports" not in one for one in services.values())
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert "--web.listen-address=127.0.0.1:9093" in services["alertmanager"]["command"]
    assert "127.0.0.1" == services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"]
    assert ["127.0.0.1:9477", "127.0.0.1:8477"] == [sensor.metrics.listen, sensor.console.listen]
    assert "0.0.0.0" not in text  # noqa: S104 - it is what must not be


def test_they_find_each_other(compose):
    """Prometheus scrapes the sensor and alerts the Alertmanager; Grafana asks Prometheus; links lead to the console."""
    sensor = config.load(GRAFANA / "compose" / "site.toml")
    scraped = yaml.safe_load((GRAFANA.parent / "prometheus" / "prometheus.yml").read_text())
    environment = compose["services"]["grafana"]["environment"]

    assert [sensor.metrics.listen] == scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    assert "http://127.0.0.1:9093" == sensor.sinks["alertmanager"].options["url"]
    assert ["127.0.0.1:9093"] == scraped["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert "http://127.0.0.1:9090" == environment["PROMETHEUS_URL"]
    assert f"http://{sensor.console.listen}" == environment["CONSOLE_URL"]


def test_grafana_finds_its_dashboards_and_its_source(compose):
    """Where the compose file puts them; nobody is let in as admin by a known password."""
    mounts = {mount.split(":")[1]: mount.split(":")[0] for mount in compose["services"]["grafana"]["volumes"]}
    provided = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "spanline.yml").read_text())
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "spanline.yml").read_text())["datasources"]
    environment = compose["services"]["grafana"]["environment"]
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert FOLDER == (GRAFANA / mounts[provided["providers"][0]["options"]["path"]]).resolve()
    assert (GRAFANA / mounts[str(home.parent)] / home.name).exists()
    assert ("prometheus", "$PROMETHEUS_URL", True) == (source["type"], source["url"], source["isDefault"])
    assert "$CONSOLE_URL/incidents/$${__value.raw}" == source["jsonData"]["exemplarTraceIdDestinations"][0]["url"]
    assert "true" == environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"]


def test_the_steps_are_scripts_that_a_shell_reads_and_name_what_is_shipped(compose):
    """`sh -n`; the demo's own inputs."""
    for name in ("sample", "history"):
        (script,) = compose["services"][name]["command"]
        subprocess.run(["sh", "-n", "-c", script.replace("$$", "$")], check=True)
        for path in re.findall(r"\$\$demo/(\S+)", script):
            assert (samples_dir() / "demo" / path).exists(), path


@pytest.mark.needs_tool("promtool")
def test_prometheus_reads_its_configuration(tmp_path):
    """With the rules beside it."""
    (tmp_path / "rules").symlink_to(GRAFANA.parent / "prometheus" / "rules")
    (tmp_path / "prometheus.yml").write_bytes((GRAFANA.parent / "prometheus" / "prometheus.yml").read_bytes())
    done = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )  # fmt: skip

    assert 0 == done.returncode, done.stderr

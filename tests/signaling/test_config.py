"""Settings: three sources, one table, no silent slips."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling import catalogue
from signaling.config import SETTINGS, Config, ConfigError, load
from signaling.metrics import HELP, PREFIX

OPERATIONS = Path(__file__).parents[2] / "docs" / "OPERATIONS.md"


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sentence_of(**sources: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**sources)  # type: ignore[arg-type]
    return str(caught.value)


def test_defaults() -> None:
    assert load() == Config()


def test_file_then_environment_then_options(empty_directory: Path) -> None:
    (empty_directory / "tongke.toml").write_text('port = 1\nmedia_port = 1\nhost = "::1"\n')
    config = load(environment={"TONGKE_PORT": "2", "TONGKE_MEDIA_PORT": "2"}, options={"port": "3"})
    assert (config.host, config.media_port, config.port) == ("::1", 2, 3)


def test_options_not_given_say_nothing() -> None:
    assert load(environment={"TONGKE_PORT": "2"}, options={"port": None}).port == 2


def test_types_from_text() -> None:
    values = {
        "TONGKE_MEDIA_IP": "192.0.2.1, 2001:db8::1",
        "TONGKE_DATA": "/srv/x",
        "TONGKE_DEMO": "true",
        "TONGKE_RESUME_S": "2.5",
    }
    config = load(environment=values)
    assert config.media_ip == ("192.0.2.1", "2001:db8::1")
    assert (config.data, config.demo, config.resume_s) == (Path("/srv/x"), True, 2.5)


def test_named_file(empty_directory: Path) -> None:
    (empty_directory / "other.toml").write_text("port = 9\nmedia_ip = ['::1']\n")
    assert load(file=Path("other.toml")).port == 9
    assert load(environment={"TONGKE_CONFIG": "other.toml"}).media_ip == ("::1",)
    assert "cannot be read" in sentence_of(file=Path("nowhere.toml"))


def test_unknown_keys_are_errors(empty_directory: Path) -> None:
    assert "TONGKE_PROT" in sentence_of(environment={"TONGKE_PROT": "1"})
    (empty_directory / "tongke.toml").write_text("prot = 1\n")
    assert "“prot”" in sentence_of()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TONGKE_PORT", "65536"),
        ("TONGKE_PORT", "http"),
        ("TONGKE_DEMO", "perhaps"),
        ("TONGKE_RESUME_S", "0"),
        ("TONGKE_LOG_LEVEL", "loud"),
        ("TONGKE_TOKEN_TTL", "soon"),
    ],
)
def test_bad_values_name_their_source(variable: str, value: str) -> None:
    sentence = sentence_of(environment={variable: value})
    assert value in sentence
    assert variable.lower().removeprefix("tongke_") in sentence.lower()


def test_bad_file(empty_directory: Path) -> None:
    (empty_directory / "tongke.toml").write_text("port = = 1")
    assert "is not TOML" in sentence_of()
    (empty_directory / "tongke.toml").write_text("port = '80'\nhost = 1")
    assert "host" in sentence_of()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "school.example", "224.0.0.1", ""])
def test_media_ip_must_be_reachable(address: str) -> None:
    assert "media-ip" in sentence_of(options={"media_ip": address})


def test_tls_settings_fit_together() -> None:
    assert "--tls-key" in sentence_of(options={"tls_cert": "a.pem"})
    pair = {"tls_cert": "a.pem", "tls_key": "b.pem"}
    assert load(options=pair).tls
    assert "not both" in sentence_of(options=pair | {"tls_self_signed": True})


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("postgresql://t:p@db.school.example/t", False),
        ("postgresql+asyncpg://t@/t?host=10.0.0.5", False),
        ("postgresql://t:p@db.school.example/t?sslmode=verify-full", True),
        ("postgres://t:p@db.school.example/t?ssl=disable", True),
        ("postgresql://t@127.0.0.1:5433/t", True),
        ("postgresql://t@/t?host=/run/postgresql", True),
        ("sqlite+aiosqlite:////srv/tongke.db", True),
    ],
)
def test_whether_a_database_elsewhere_is_encrypted_is_said(url: str, good: bool) -> None:
    if good:
        assert load(options={"database": url}).database == url
    else:
        assert "sslmode" in sentence_of(options={"database": url})


def test_a_contact_is_an_address() -> None:
    assert load(options={"security_contact": "mailto:a@school.example"}).security_contact
    assert "security_contact" in sentence_of(options={"security_contact": "a@school.example"})


def test_every_setting_is_explained_in_every_language() -> None:
    for setting in SETTINGS:
        for language in catalogue.LANGUAGES:
            assert setting.help(language)


def test_operations_document_lists_every_setting_and_nothing_else() -> None:
    rows = [line for line in OPERATIONS.read_text().splitlines() if line.startswith("| `--")]
    wanted = []
    for setting in SETTINGS:
        default = f"`{setting.default_text}`" if setting.default_text else ""
        cells = (
            f"`{setting.option}`",
            f"`{setting.variable}`",
            f"`{setting.name}`",
            default,
            setting.help("en"),
        )
        wanted.append("| " + " | ".join(cells) + " |")
    assert rows == wanted


def test_operations_document_lists_every_metric_and_nothing_else() -> None:
    rows = [line for line in OPERATIONS.read_text().splitlines() if line.startswith(f"| `{PREFIX}")]
    assert rows == [f"| `{PREFIX}{name}` | {text} |" for name, text in HELP.items()]


def test_where_the_media_port_is_opened() -> None:
    assert load(options={"media_bind": "127.0.0.1,::"}).media_bind == ("127.0.0.1", "::")
    assert "eth0" in sentence_of(options={"media_bind": "eth0"})

"""Settings come from MUNIMENT_ variables, and from nowhere else."""

import pytest

from app.settings import Settings, load_settings, point_at_kernels
from app.wiring import build
from storage.errors import Broken, WrongUse


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        monkeypatch.delenv(name)


def test_a_variable_sets_its_field(monkeypatch, tmp_path):
    monkeypatch.setenv("MUNIMENT_HOME", str(tmp_path))
    monkeypatch.setenv("MUNIMENT_PORT", "9000")
    settings = load_settings()
    assert (settings.home, settings.port) == (tmp_path, 9000)


def test_the_pages_are_served_on_loopback_unless_someone_says_otherwise():
    assert (load_settings().address, load_settings().port) == ("127.0.0.1", 8501)


def test_a_misspelt_setting_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("MUNIMENT_HOMEE", "/tmp")
    with pytest.raises(WrongUse, match="MUNIMENT_HOMEE is not a setting"):
        load_settings()


def test_a_value_that_does_not_fit_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("MUNIMENT_PORT", "eighty")
    with pytest.raises(WrongUse, match="MUNIMENT_PORT does not fit"):
        load_settings()


def test_a_settings_password_is_not_printed(monkeypatch):
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", "postgresql+psycopg://muniment:hunter2@db/muniment")
    assert "hunter2" not in repr(load_settings())


def test_kernels_that_lie_with_the_models_are_used_in_place_of_a_hub(monkeypatch, tmp_path):
    import os

    monkeypatch.setattr(os, "environ", {})
    point_at_kernels(tmp_path)
    assert "LOCAL_KERNELS" not in os.environ
    kernel = tmp_path / "kernels" / "kernels-community" / "gpt-oss-triton-kernels"
    kernel.mkdir(parents=True)
    point_at_kernels(tmp_path)
    assert os.environ["LOCAL_KERNELS"] == f"kernels-community/gpt-oss-triton-kernels={kernel}"


def test_the_stores_lie_in_the_data_folder_unless_someone_says_otherwise(monkeypatch):
    assert (load_settings().vector_store_url, load_settings().keyword_store) == (None, "folder")
    monkeypatch.setenv("MUNIMENT_KEYWORD_STORE", "elastic")
    with pytest.raises(WrongUse, match="MUNIMENT_KEYWORD_STORE does not fit"):
        load_settings()


def test_a_folder_that_holds_no_reranker_stops_the_start_and_names_the_setting(tmp_path):
    with pytest.raises(Broken, match="MUNIMENT_RERANKER"):
        build(Settings(home=tmp_path / "home", reranker=tmp_path, sample=False))

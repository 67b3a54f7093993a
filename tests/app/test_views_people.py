"""Signing in, people and the audit log, as Streamlit runs their pages."""

import pytest
from streamlit.testing.v1 import AppTest

from storage.records import Role

from .pages import PASSWORD, TIMEOUT_S, calm, main, open_page, words

_QUESTION = "What notice must the tenant give to end the lease?"


def test_nobody_is_shown_the_sign_in_form_and_nothing_else(services, signed_in, person, lease):
    person("ada", Role.ADMINISTRATOR)
    app = calm(AppTest.from_function(main, default_timeout=TIMEOUT_S).run())
    assert [one.label for one in app.text_input] == ["Name", "Password"]
    assert "Lease" not in words(app)


def test_a_wrong_password_is_one_line_of_error(services, signed_in, person):
    person("ada", Role.ADMINISTRATOR)
    app = AppTest.from_function(main, default_timeout=TIMEOUT_S).run()
    app.text_input[0].set_value("ada")
    app.text_input[1].set_value("not the password")
    calm(app.button[0].click().run())
    [error] = app.error
    assert "\n" not in error.value


def test_a_right_password_leads_to_the_address_that_sets_the_cookie(services, signed_in, person):
    person("ada", Role.ADMINISTRATOR)
    app = AppTest.from_function(main, default_timeout=TIMEOUT_S).run()
    app.text_input[0].set_value("ada")
    app.text_input[1].set_value(PASSWORD)
    calm(app.button[0].click().run())
    assert "/session/open?ticket=" in words(app)


def test_the_welcome_link_makes_the_first_administrator_who_is_in_what_was_there_before(
    services, signed_in, lease
):
    app = AppTest.from_function(main, default_timeout=TIMEOUT_S)
    app.query_params["welcome"] = services.accounts.welcome_ticket()
    app.run()
    app.text_input[0].set_value("ada")
    app.text_input[1].set_value(PASSWORD)
    app.text_input[2].set_value(PASSWORD)
    calm(app.button[0].click().run())
    [ada] = services.accounts.users()
    assert (ada.name, ada.role) == ("ada", Role.ADMINISTRATOR)
    operator = services.accounts.local_operator()
    assert [one.name for one in services.access.members(services.access.scope(operator, "Lease"))] == ["ada"]


def test_two_different_passwords_make_nobody(services, signed_in):
    app = AppTest.from_function(main, default_timeout=TIMEOUT_S)
    app.query_params["welcome"] = services.accounts.welcome_ticket()
    app.run()
    app.text_input[0].set_value("ada")
    app.text_input[1].set_value(PASSWORD)
    app.text_input[2].set_value(PASSWORD + "?")
    calm(app.button[0].click().run())
    assert services.accounts.users() == []


def test_a_session_that_was_revoked_is_back_at_the_sign_in_form_on_the_next_run(
    services, signed_in, person, lease
):
    ada = person("ada", Role.ADMINISTRATOR, matters=["Lease"])
    signed_in("ada")
    app = AppTest.from_function(main, default_timeout=TIMEOUT_S).run()
    services.accounts.revoke_sessions(ada.id, by=services.accounts.local_operator())
    calm(app.run())
    assert [one.label for one in app.text_input] == ["Name", "Password"]


def test_a_second_click_does_not_disable_whom_the_first_let_in(services, signed_in, person):
    person("ada", Role.ADMINISTRATOR)
    bo = person("bo")
    services.accounts.disable(bo.id, by=services.accounts.local_operator())
    signed_in("ada")
    app = open_page("people")
    let_in = next(one for one in app.button if one.label == "Let in again")
    calm(let_in.click().run())
    assert let_in.key not in [one.key for one in app.button]


@pytest.mark.parametrize("role", list(Role))
def test_nobody_sees_in_the_audit_log_a_matter_that_they_are_not_in(
    services, signed_in, person, lease, muniment, role
):
    person("ada", role, matters=["Lease"])
    assert muniment("matter", "create", "Hidden deal").code == 0
    signed_in("ada")
    app = calm(open_page("audit"))
    said = "\n".join(app.dataframe[0].value["What"])
    assert "lease.md" in said
    assert "Hidden deal" not in said
    assert set(app.dataframe[0].value["Matter"]) == {"Lease", ""}
    assert next(one for one in app.selectbox if one.label == "Matter").options == ["Any", "Lease"]


def test_of_what_concerns_no_matter_a_member_sees_their_own_acts_and_an_administrator_all(
    services, signed_in, person
):
    person("ada", Role.ADMINISTRATOR)
    person("sten")
    for name, seen in (("sten", {"sten"}), ("ada", {"sten", "ada"})):
        signed_in(name)
        who = set(calm(open_page("audit")).dataframe[0].value["Who"])
        assert {one for one in who if "(" not in one} == seen
        assert any("(" in one for one in who) is (name == "ada")


def test_the_log_is_verified_on_the_page_and_a_changed_byte_is_named(services, signed_in, person, lease):
    person("ada", Role.ADMINISTRATOR, matters=["Lease"])
    signed_in("ada")
    app = open_page("audit")
    button = next(one for one in app.button if one.label == "Verify the log")
    calm(button.click().run())
    assert "hold" in app.success[0].value


def test_older_entries_of_the_log_are_a_button_away_and_none_is_passed_over(
    services, signed_in, person, lease
):
    person("ada", Role.ADMINISTRATOR, matters=["Lease"])
    signed_in("ada")
    operator = services.accounts.local_operator()
    for number in range(60):
        services.audit.append("audit.verified", operator, data={"ok": True, "size": number})
    app = calm(open_page("audit"))
    seen = list(app.dataframe[0].value["No."])
    while not (older := next(one for one in app.button if one.label == "Older entries")).disabled:
        calm(older.click().run())
        seen += list(app.dataframe[0].value["No."])
    assert seen == list(range(seen[0], -1, -1))
    calm(next(one for one in app.button if one.label == "Newest entries").click().run())
    assert app.dataframe[0].value["No."][0] == seen[0]


def test_only_an_administrator_manages_people(services, signed_in, person):
    person("sten")
    signed_in("sten")
    app = calm(open_page("people"))
    assert "administrator" in app.error[0].value
    assert not app.text_input


def test_a_new_person_gets_a_password_that_is_shown_until_it_is_handed_over(services, signed_in, person):
    person("ada", Role.ADMINISTRATOR)
    signed_in("ada")
    app = open_page("people")
    app.text_input[0].set_value("bo")
    calm(next(one for one in app.button if one.label == "Add").click().run())
    password = app.code[0].value
    assert services.accounts.sign_in("bo", password).actor.name == "bo"
    calm(next(one for one in app.button if one.label == "I have handed it over").click().run())
    assert not app.code


def test_a_person_changes_their_own_password_and_no_other_session_stays(services, signed_in, person):
    person("sten")
    here, elsewhere = signed_in("sten"), services.accounts.sign_in("sten", PASSWORD).token
    app = open_page("password")

    def change(*typed):
        for box, one in zip(app.text_input, typed, strict=True):
            box.set_value(one)
        return calm(app.button[0].click().run())

    assert "differ" in change(PASSWORD, "another-long-passphrase", "another-long-passphrase?").error[0].value
    assert (
        "do not fit" in change("not it", "another-long-passphrase", "another-long-passphrase").error[0].value
    )
    assert "characters" in change(PASSWORD, "short", "short").error[0].value
    changed = change(PASSWORD, "another-long-passphrase", "another-long-passphrase")
    assert "changed" in changed.success[0].value
    assert services.accounts.actor_for(here) is not None
    assert services.accounts.actor_for(elsewhere) is None
    assert services.accounts.sign_in("sten", "another-long-passphrase").actor.name == "sten"

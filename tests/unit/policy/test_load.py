"""Loading policies: what a good one becomes, and what is said of bad ones."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.errors import PolicyFileError
from proxy.policy.domains import used_domains
from proxy.policy.load import load_policy
from proxy.policy.masks import (
    BirthYear,
    Bucket,
    Clear,
    Constant,
    DateUnit,
    Deny,
    Generalize,
    Mask,
    Nullify,
    Partial,
    Redact,
    RedactPattern,
    Shift,
    Token,
    Zip3,
)
from proxy.policy.model import Policy
from proxy.policy.names import Pattern
from proxy.tokens.types import TokenFormat

GOOD = """\
version: 1
kinds:
  key: {mask: clear}
  ssn: {safe_harbor: social_security_number, mask: {partial: {show_last: 4}}}
  note: {mask: nullify}
tables:
  clinic.patients:
    columns: {id: key, ssn: ssn, note: note, sex: clear}
  clinic.plain: {columns: clear}
  "clinic.\\"Odd.Name\\"":
    columns: {x: key}
  sales.*: {columns: clear}
roles:
  doctor:
    reads: ["*"]
    masks: {"*": clear}
    writes: [clinic.patients]
  clerk:
    reads: [clinic.patients, sales.*]
    masks: {ssn: deny, clinic.patients.note: clear, clear: nullify}
    functions: [clinic.age_at]
"""


RANGE = "should lie between -1e18 and 1e18 and have at most 15 decimals"
NUMBER = "kinds.a.mask.bucket.width:"
PARTIAL = "kinds.a.mask.partial:"
CONSTANT = "should be a text, a number, a date or true or false (for NULL there is nullify)"
CLASSES = (
    "'name', 'geography', 'date', 'telephone', 'fax', 'email', 'social_security_number', 'medical_record_number', "
    "'health_plan_number', 'account_number', 'licence_number', 'vehicle', 'device', 'url', 'ip_address', 'biometric', "
    "'photograph' or 'other'"
)


def load(folder: Path, text: str) -> Policy:
    """The policy of one file."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    return load_policy(path)


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with it, without the folder."""
    with pytest.raises(PolicyFileError) as caught:
        load(folder, text)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [p.removeprefix(f"{folder}/") for p in caught.value.problems]


def test_a_good_policy_loads(tmp_path: Path) -> None:
    """Kinds, tables and roles are there with their masks, names and lines."""
    policy = load(tmp_path, GOOD)
    assert policy.kinds["ssn"].mask == Partial(show_last=4)
    assert policy.kinds["ssn"].safe_harbor == "social_security_number"
    patients = policy.tables["clinic", "patients"]
    assert patients.columns is not None
    assert (patients.columns["sex"].kind, patients.location.short) == ("clear", "policy.yaml:7")
    assert policy.tables["clinic", "plain"].columns is None
    assert ("clinic", "Odd.Name") in policy.tables
    assert set(policy.clear_schemas) == {"sales"}
    doctor, clerk = policy.roles["doctor"], policy.roles["clerk"]
    assert doctor.other_masks is not None
    assert doctor.other_masks.mask == Clear()
    assert [g.pattern for g in doctor.reads] == [Pattern(None, None)]
    assert [str(g.pattern) for g in clerk.reads] == ["clinic.patients", "sales.*"]
    assert clerk.kind_masks["ssn"].mask == Deny()
    assert str(clerk.kind_masks["ssn"]) == "roles.clerk.masks.ssn (policy.yaml:20)"
    assert clerk.kind_masks["clear"].mask == Nullify()
    assert clerk.column_masks["clinic", "patients", "note"].mask == Clear()
    assert [(f.schema, f.name) for f in clerk.functions] == [("clinic", "age_at")]


def test_the_version_is_a_digest_of_the_content(tmp_path: Path) -> None:
    """Equal files give equal versions of twelve digits, any change another."""
    first = load(tmp_path, GOOD).version
    assert len(first) == 12
    assert int(first, 16) >= 0
    assert load(tmp_path, GOOD).version == first
    assert load(tmp_path, GOOD + "# more\n").version != first


def test_a_folder_is_merged(tmp_path: Path) -> None:
    """Files are put together whatever their order; hidden files and other endings are left alone."""
    head, tables = GOOD.split("tables:\n")
    tables, roles = tables.split("roles:\n")
    (tmp_path / "z.yaml").write_text(head)
    (tmp_path / "a.yml").write_text("version: 1\ntables:\n" + tables)
    (tmp_path / "m.yaml").write_text("version: 1\nroles:\n" + roles)
    (tmp_path / ".hidden.yaml").write_text("nonsense: [")
    (tmp_path / "README.md").write_text("nonsense: [")
    merged = load_policy(tmp_path)
    assert set(merged.kinds) == {"key", "ssn", "note"}
    assert merged.roles["clerk"].column_masks["clinic", "patients", "note"].location.short == "m.yaml:9"


def test_the_same_entry_twice_is_no_problem_another_one_is(tmp_path: Path) -> None:
    """Files may repeat each other, not contradict each other; the message names both places."""
    (tmp_path / "a.yaml").write_text("version: 1\nkinds: {x: {mask: clear}, y: {mask: deny}}\n")
    (tmp_path / "b.yaml").write_text("version: 1\nkinds:\n  x: {mask: clear}\n")
    assert set(load_policy(tmp_path).kinds) == {"x", "y"}
    same = "version: 1\ndomains: {d: {}}\ntables: {s.*: {columns: clear}, s.t: {columns: clear}}\n"
    for name in ("c.yaml", "d.yaml"):
        (tmp_path / name).write_text(same)
    assert set(load_policy(tmp_path).tables) == {("s", "t")}
    assert set(load_policy(tmp_path).domains) == {"d"}
    (tmp_path / "b.yaml").write_text(
        "version: 1\nkinds:\n  x: {mask: deny}\ntables: {s.*: {columns: clear}, s.t: {columns: clear}}\n"
    )
    (tmp_path / "c.yaml").write_text("version: 1\ntables: {s.t: {columns: {a: x}}}\nroles: {r: {}}\n")
    (tmp_path / "d.yaml").write_text("version: 1\nroles: {r: {reads: ['*']}}\n")
    with pytest.raises(PolicyFileError) as caught:
        load_policy(tmp_path)
    assert list(caught.value.problems) == [
        f"{tmp_path}/b.yaml:3: kinds.x is defined differently in {tmp_path}/a.yaml:2",
        f"{tmp_path}/c.yaml:2: tables.s.t is defined differently in {tmp_path}/b.yaml:4",
        f"{tmp_path}/d.yaml:2: roles.r is defined differently in {tmp_path}/c.yaml:3",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["policy.yaml:1: a policy is a mapping that begins with version: 1"]),
        ("- a", ["policy.yaml:1: a policy is a mapping that begins with version: 1"]),
        ("kinds: {}", ["policy.yaml:1: version: 1 is missing"]),
        ("kinds: {}\nversion: 2", ["policy.yaml:2: version should be 1"]),
        ("version: '1'", ["policy.yaml:1: version should be 1"]),
        ("version: true", ["policy.yaml:1: version should be 1"]),
        ("version: 1\nversion: 1", ['policy.yaml:2: the key "version" is there twice (first in line 1)']),
        ("version: 1\nroels: {}", ['policy.yaml:2: unknown key "roels"; did you mean "roles"?']),
        (
            "version: 1\nkinds:\n  a:\n    maks: clear",
            ['policy.yaml:3: kinds.a: the key "mask" is missing',
             'policy.yaml:4: unknown key "maks" in kinds.a; did you mean "mask"?'],
        ),
        ("version: 1\nkinds: {a: {mask: {x: {}, y: {}}}}", ["policy.yaml:2: kinds.a.mask: a mask has one key, not 2"]),
        ("version: 1\nkinds: {a: {mask: 3}}",
         ["policy.yaml:2: kinds.a.mask: a mask is a word, or one key with its parameters"]),
        ("version: 1\nkinds: {a: {mask: nulify}}",
         ['policy.yaml:2: kinds.a.mask: unknown mask "nulify"; did you mean "nullify"?']),
        ("version: 1\nkinds: {a: {mask: {clear: {}}}}",
         ["policy.yaml:2: kinds.a.mask: the mask clear takes no parameters: write clear alone"]),
        ("version: 1\nkinds: {a: {mask: bucket}}",
         ["policy.yaml:2: kinds.a.mask: the mask bucket needs parameters, for instance {bucket: {width: 10}}"]),
        ("version: 1\nkinds: {a: {mask: {partial: {show_lst: 1}}}}",
         ['policy.yaml:2: unknown key "show_lst" in kinds.a.mask.partial; did you mean "show_last"?']),
        ("version: 1\nkinds: {a: {mask: {partial: {show_last: -1}}}}",
         ["policy.yaml:2: kinds.a.mask.partial.show_last: should be greater than or equal to 0"]),
        ("version: 1\nkinds: {a: {mask: {partial: {show_last: '4'}}}}",
         ["policy.yaml:2: kinds.a.mask.partial.show_last: should be a whole number"]),
        ("version: 1\nkinds: {a: {mask: {partial: {show_first: 0, show_last: 0}}}}",
         [f"policy.yaml:2: {PARTIAL} show_first and show_last of 0 changes nothing: leave it out to hide everything"]),
        ("version: 1\nkinds: {a: {mask: {partial: {fill: ''}}}}",
         ["policy.yaml:2: kinds.a.mask.partial.fill: should be a single printable character"]),
        ("version: 1\nkinds: {a: {mask: {generalize: decade}}}",
         ["policy.yaml:2: kinds.a.mask.generalize: should be 'year', 'quarter', 'month', 'week', 'day' or 'hour'"]),
        ("version: 1\nkinds: {a: {mask: {birth_year: {oldest_age: 200}}}}",
         ["policy.yaml:2: kinds.a.mask.birth_year.oldest_age: should be less than or equal to 120"]),
        ("version: 1\nkinds: {a: {mask: {bucket: {width: 0}}}}",
         ["policy.yaml:2: kinds.a.mask.bucket: width should be more than 0"]),
        ("version: 1\nkinds: {a: {mask: {bucket: {width: 5, min: 3, max: 3}}}}",
         ["policy.yaml:2: kinds.a.mask.bucket: max should be more than min"]),
        ("version: 1\nkinds: {a: {mask: {bucket: {width: 50, min: 3, max: 9}}}}",
         ["policy.yaml:2: kinds.a.mask.bucket: width is more than max - min, so that it changes nothing"]),
        ("version: 1\nkinds: {a: {mask: {bucket: {width: true}}}}", [f"policy.yaml:2: {NUMBER} should be a number"]),
        ("version: 1\nkinds: {a: {mask: {bucket: {width: '5'}}}}", [f"policy.yaml:2: {NUMBER} should be a number"]),
        ("version: 1\nkinds: {a: {mask: {bucket: {width: 2e18}}}}", [f"policy.yaml:2: {NUMBER} {RANGE}"]),
        ("version: 1\nkinds: {a: {mask: {bucket: {width: 1e-300}}}}", [f"policy.yaml:2: {NUMBER} {RANGE}"]),
        ("version: 1\nkinds: {a: {mask: {maks: {}}}}",
         ['policy.yaml:2: kinds.a.mask: unknown mask "maks"']),
        ('version: 1\nroles: {"a\\tb": {}}', ["policy.yaml:2: roles: a role's name is made of printable characters"]),
        ("version: 1\nkinds: {a: {mask: {redact: {patterns: []}}}}",
         ["policy.yaml:2: kinds.a.mask.redact.patterns: should not be empty"]),
        ("version: 1\nkinds: {a: {mask: {redact: {patterns: [ssn, ssn]}}}}",
         ["policy.yaml:2: kinds.a.mask.redact.patterns: names a pattern twice"]),
        ("version: 1\nkinds: {a: {mask: {constant: null}}}",
         [f"policy.yaml:2: kinds.a.mask.constant: {CONSTANT}"]),
        ("version: 1\nkinds: {a: {mask: clear, safe_harbor: shoe_size}}",
         [f"policy.yaml:2: kinds.a.safe_harbor: should be {CLASSES}"]),
        ("version: 1\nkinds: {clear: {mask: clear}}",
         ["policy.yaml:2: kinds.clear: clear is a kind already, that of columns without protection"]),
        ("version: 1\nkinds: {a.b: {mask: clear}}",
         ["policy.yaml:2: kinds.a.b: a kind's name is made of letters, digits, \"_\" and \"-\""]),
        ("version: 1\ntables: {patients: {columns: clear}}",
         ["policy.yaml:2: tables.patients: should be schema.table or schema.*"]),
        ('version: 1\ntables: {"*": {columns: clear}}',
         ["policy.yaml:2: tables.*: should be schema.table or schema.*"]),
        ("version: 1\ntables: {s.*: {columns: {a: clear}}}",
         ["policy.yaml:2: tables.s.*: a whole schema can only have columns: clear"]),
        ("version: 1\nkinds: {note: {mask: deny}}\ntables:\n  s.t:\n    columns:\n      a: clear\n      b: noet",
         ['policy.yaml:7: tables.s.t.columns.b: unknown kind "noet"; did you mean "note"?']),
        ("version: 1\nkinds: {zip: {mask: zip3}}\nroles:\n  r:\n    masks:\n      zipp: clear",
         ['policy.yaml:6: roles.r.masks.zipp: unknown kind "zipp"; did you mean "zip"?']),
        ("version: 1\nroles: {r: {masks: {s.t: clear}}}",
         ["policy.yaml:2: roles.r.masks.s.t: should be a kind, schema.table.column or *"]),
        ("version: 1\ntables: {s.t: {columns: {abc: clear}}}\nroles: {r: {masks: {s.tt.abc: deny, s.t.abd: deny}}}",
         ['policy.yaml:3: roles.r.masks.s.t.abd: s.t has no column abd; did you mean "abc"?',
          'policy.yaml:3: roles.r.masks.s.tt.abc: the policy lists no table s.tt; did you mean "s.t"?']),
        ("version: 1\nroles: {r: {reads: [t, s.t, '*.t'], writes: [s.t.u], functions: [f]}}",
         ['policy.yaml:2: roles.r.functions: "f" should be schema.function',
          'policy.yaml:2: roles.r.reads: "*.t" should be schema.table, schema.* or *',
          'policy.yaml:2: roles.r.reads: "t" should be schema.table, schema.* or *',
          'policy.yaml:2: roles.r.writes: "s.t.u" should be schema.table, schema.* or *']),
        ("version: 1\nroles: {r: {reads: }}", ["policy.yaml:2: roles.r.reads: should be a list, as in [a, b]"]),
        ("version: 1\nkinds: {a: {mask: {constant: '${HOME}'}}}",
         ["policy.yaml:2: ${…} is not supported in policy files: they take nothing from the environment"]),
        ("version: 1\nroles: {r: {masks: {*: clear}}}",
         ["policy.yaml:2: YAML: found undefined alias ':' (a * must stand in quotes: \"*\")"]),
    ],
)  # fmt: skip
def test_problems_name_file_and_line(tmp_path: Path, text: str, expected: list[str]) -> None:
    """Each problem is one line that begins with file and line and says what is wrong."""
    assert problems(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("clear", Clear()),
        ("nullify", Nullify()),
        ("zip3", Zip3()),
        ("deny", Deny()),
        ("partial", Partial()),
        ("birth_year", BirthYear()),
        ("{constant: 1900-01-01}", Constant(date(1900, 1, 1))),
        ("{constant: true}", Constant(value=True)),
        ("{partial: {show_first: 1, fill: x, collapse: true}}", Partial(1, 0, "x", collapse=True)),
        ("{generalize: week}", Generalize(DateUnit.WEEK)),
        ("{birth_year: {oldest_age: 80}}", BirthYear(80)),
        ("{bucket: {width: 10.0, max: 90}}", Bucket(Decimal(10), None, Decimal(90))),
        ("{redact: {patterns: [ssn, url]}}", Redact(frozenset({RedactPattern.SSN, RedactPattern.URL}))),
    ],
)
def test_a_mask_is_what_the_file_says(tmp_path: Path, text: str, mask: Mask) -> None:
    """Each word and each key with its parameters stands for one mask; zeros at the end of numbers are dropped."""
    loaded = load(tmp_path, f"version: 1\nkinds: {{a: {{mask: {text}}}}}\n").kinds["a"].mask
    assert (loaded, str(loaded)) == (mask, str(mask))


TOKENS = """version: 1
domains:
  patient: {}
kinds:
  mrn: {mask: {token: {domain: patient}}}
  born: {mask: {shift: {by: id, within_days: 30, domain: patient}}}
tables:
  clinic.patients: {columns: {id: clear, mrn: mrn, dob: born}}
roles:
  analyst: {reads: [clinic.*], detokenize: [patient]}
  partner: {masks: {mrn: {token: {domain: patient, format: digits}}}}
"""


def test_tokens_domains_and_shifts_load(tmp_path: Path) -> None:
    """Masks with keys, the domains that they name, and who may detokenize."""
    policy = load(tmp_path, TOKENS)
    assert list(policy.domains) == ["patient"]
    assert policy.kinds["mrn"].mask == Token("patient")
    assert policy.kinds["born"].mask == Shift("id", 30, "patient")
    assert policy.roles["analyst"].detokenize == {"patient"}
    assert policy.roles["partner"].kind_masks["mrn"].mask == Token("patient", TokenFormat.DIGITS)
    assert used_domains(policy) == {"patient"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{domain: patient}}}", "{domain: patent}}}",
         'policy.yaml:5: kinds.mrn: unknown domain "patent"; did you mean "patient"?'),
        ("detokenize: [patient]", "detokenize: [acme]",
         'policy.yaml:10: roles.analyst.detokenize: unknown domain "acme"'),
        ("format: digits", "format: words",
         "policy.yaml:11: roles.partner.masks.mrn.token.format: should be 'text', 'digits' or 'uuid'"),
        ("within_days: 30, ", "", 'policy.yaml:6: kinds.born.mask.shift: the key "within_days" is missing'),
        ("within_days: 30", "within_days: 0",
         "policy.yaml:6: kinds.born.mask.shift.within_days: should be greater than or equal to 1"),
        ("by: id", "by: idd",
         'policy.yaml:8: kinds.born: clinic.patients has no column idd to shift dob by; did you mean "id"?'),
        ("by: id", "by: dob", "policy.yaml:8: kinds.born: clinic.patients.dob cannot be shifted by itself"),
        ("{token: {domain: patient}}", "token",
         "policy.yaml:5: kinds.mrn.mask: the mask token needs parameters, for instance {token: {domain: patient}}"),
        ("  patient: {}", "  patient: {key: x}", 'policy.yaml:3: unknown key "key" in domains.patient'),
    ],
)  # fmt: skip
def test_mistakes_in_masks_with_keys(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Each names its line: unknown domains and formats, missing parameters, and columns that cannot be shifted by."""
    assert problems(tmp_path, TOKENS.replace(old, new, 1)) == [expected]


@pytest.mark.parametrize("name", ["Patient", "1st", "a-b", "a" * 32, "é"])
def test_names_of_domains(tmp_path: Path, name: str) -> None:
    """A domain's name is part of its tokens, so it is made of few characters."""
    (problem,) = problems(tmp_path, f"version: 1\ndomains:\n  {name}: {{}}\n")
    assert problem.startswith(f"policy.yaml:3: domains.{name}: a domain's name stands in its tokens")


def test_a_role_that_shifts_by_a_missing_column(tmp_path: Path) -> None:
    """A role's own mask for a column is checked like a kind's."""
    text = TOKENS + "  other: {masks: {clinic.patients.dob: {shift: {by: nr, within_days: 3, domain: patient}}}}\n"
    assert problems(tmp_path, text) == [
        "policy.yaml:12: roles.other.masks.clinic.patients.dob: clinic.patients has no column nr to shift dob by"
    ]


def test_all_problems_of_all_files_are_reported_together(tmp_path: Path) -> None:
    """One run shows everything that can be seen without the catalog."""
    (tmp_path / "a.yaml").write_text("version: 1\nkinds:\n  a: {mask: nul}\n  b: {mask: shift}\n")
    (tmp_path / "b.yaml").write_text("version: 1\ntabels: {}\n")
    (tmp_path / "c.yaml").write_bytes(b"version: 1 # \xff")
    with pytest.raises(PolicyFileError) as caught:
        load_policy(tmp_path)
    assert [p.rsplit("/", 1)[1].split(": ")[0] for p in caught.value.problems] == ["c.yaml:1"]
    (tmp_path / "c.yaml").unlink()
    with pytest.raises(PolicyFileError) as caught:
        load_policy(tmp_path)
    assert [p.rsplit("/", 1)[1].split(": ")[0] for p in caught.value.problems] == ["a.yaml:3", "a.yaml:4", "b.yaml:2"]


def test_what_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """A missing path and an empty folder are reported like any other problem."""
    with pytest.raises(PolicyFileError, match=r"none\.yaml:1: cannot be read: No such file or directory"):
        load_policy(tmp_path / "none.yaml")
    with pytest.raises(PolicyFileError, match=r"the folder holds no \.yaml file"):
        load_policy(tmp_path)


WORDS = st.sampled_from(
    [
        *(
            "version: 1",
            "kinds:",
            "  a: {mask: ",
            "partial",
            "{partial: {show_first: 1}}",
            "}",
            "tables:",
            "clear",
            "?",
        ),
        *(
            "  s.t: {columns: {",
            "roles:",
            "  r:",
            "    masks: {",
            '"*"',
            ": ",
            "\n",
            "&x ",
            "*x",
            "<<: ",
            "!t ",
            "${A}",
        ),
        *("0o7", ".nan", "{", "[", "- ", "? ", "| ", "'", "%YAML 1.1\n---\n", "2020-01-01", "~", "1e999", "\t", "\x85"),
        *("é", "domains: ", "token"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(text=st.text() | st.lists(WORDS | st.text(max_size=5)).map("".join))
@example("a: &a [*a]")
@example("{" * 500)
@example("version: 1\nkinds: {\ud800: {mask: clear}}".encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
@example('version: 1\nkinds: {a: {mask: {constant: "\\ud800"}}}')
@example('version: 1\nkinds: {a: {mask: {constant: "\\0"}}}')
@example("version: 1\nroles: {~: {}}")
def test_any_text_is_a_policy_or_a_policy_file_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in the file, nothing but PolicyFileError comes out, with a line for each problem."""
    folder = tmp_path_factory.mktemp("any", numbered=True)
    outcome: Policy | tuple[str, ...]
    try:
        outcome = load(folder, text)
    except PolicyFileError as error:
        outcome = error.problems
    shutil.rmtree(folder)
    if not isinstance(outcome, Policy):
        assert outcome
        assert all(":" in problem and "\n" not in problem for problem in outcome)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "kinds: {k: {mask: {partial: 4}}}",
            "kinds.k.mask.partial: should be a mapping, as in {partial: {show_last: 4}}",
        ),
        ("kinds: {k: 3}", "kinds.k: should be a mapping"),
        ("kinds: {k: {mask: {partial: {collapse: maybe}}}}", "kinds.k.mask.partial.collapse: should be true or false"),
        ("tables: {a.b: {columns: masked}}", "tables.a.b.columns: should be clear, or a mapping of columns to kinds"),
        ("tables: {a.b: {columns: {x: 3}}}", "tables.a.b.columns.x: should be a text"),
    ],
)
def test_problems_name_nothing_of_python(tmp_path: Path, text: str, expected: str) -> None:
    """What is wrong is said once, in the author's terms."""
    assert problems(tmp_path, f"version: 1\n{text}\n") == [f"policy.yaml:2: {expected}"]

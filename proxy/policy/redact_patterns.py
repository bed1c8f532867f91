"""What ``redact`` takes for an identifier: one Postgres regular expression for each pattern.

Owns: the regular expressions (manual, 9.7.3), matched under the C collation without regard to ASCII case.
Must not know: SQL, masks. Invariant: they depend on no locale, capture nothing and hold no non-ASCII character; they
would rather take too much than too little (nine digits in a row are a social security number, ten a telephone number),
and still cannot find a name or an address in prose.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.policy.masks import RedactPattern

_DASH: Final = r"[-.\u2010-\u2015\u00a0 ]"
_WORD_BEFORE: Final = "(?<![0-9A-Za-z])"
_NO_DIGIT_BEFORE: Final = "(?<![0-9])"
_NO_DIGIT_AFTER: Final = "(?![0-9])"
_BLANK: Final = r"\u0001-\u0020\u00a0\u2000-\u200b\u2028\u2029\u202f\u3000"
_GAP: Final = f"[{_BLANK}]{{1,3}}"

_URL: Final = (
    f"(?:[a-z][a-z0-9+.-]{{1,20}}:/{{2}}|{_WORD_BEFORE}www[.])"
    rf"[^{_BLANK}<>\u0022]*[^{_BLANK}<>\u0022.,;:!?')]"
)

_NO_ADDRESS: Final = rf"{_BLANK}<>()\u005b\u005d,;:\u0022@"
_EMAIL: Final = f"[^{_NO_ADDRESS}]+@[^{_NO_ADDRESS}]+[.][^{_NO_ADDRESS}]*[^{_NO_ADDRESS}.!?']"

_MRN: Final = (
    f"{_WORD_BEFORE}(?:mrn|(?:medical|med[.]?|patient) ?(?:record|rec[.]?|chart) ?(?:number|num[.]?|no[.]?|nr[.]?)?)"
    f"[{_BLANK}:#=.-]{{0,4}}(?:is[{_BLANK}])?[a-z]{{0,4}}-?[0-9][0-9a-z]*(?:-[0-9a-z]+)*"
)

_SSN: Final = f"{_NO_DIGIT_BEFORE}[0-9]{{3}}{_DASH}?[0-9]{{2}}{_DASH}?[0-9]{{4}}{_NO_DIGIT_AFTER}"

_MONTH: Final = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?)"
)
_DAY: Final = "[0-3]?[0-9](?:st|nd|rd|th)?"
_YEAR: Final = f"(?:[12][0-9]{{3}}|'[0-9]{{2}}){_NO_DIGIT_AFTER}"
_DATES: Final = (
    # 2024-03-14, 3/14/2024, 3/14/24, 14.3.2024, 14-Mar-24
    f"{_NO_DIGIT_BEFORE}[12][0-9]{{3}}[-/.][01]?[0-9][-/.][0-3]?[0-9]{_NO_DIGIT_AFTER}",
    f"{_NO_DIGIT_BEFORE}[0-3]?[0-9][-/][0-3]?[0-9][-/](?:[12][0-9]{{3}}|[0-9]{{2}}){_NO_DIGIT_AFTER}",
    f"{_NO_DIGIT_BEFORE}[0-3]?[0-9][.][01]?[0-9][.][12][0-9]{{3}}{_NO_DIGIT_AFTER}",
    f"{_NO_DIGIT_BEFORE}[0-3]?[0-9]-{_MONTH}-[0-9]{{2,4}}{_NO_DIGIT_AFTER}",
    # 14 March, 14th of March 2024; March 14, Mar. 14th, 2024; March 2024
    f"{_NO_DIGIT_BEFORE}{_DAY}(?:{_GAP}of)?{_GAP}{_MONTH}(?![a-z])(?:[.,]{{0,2}}{_GAP}{_YEAR})?",
    f"{_WORD_BEFORE}{_MONTH}[.]?{_GAP}(?:{_DAY}(?![0-9a-z])(?:,?{_GAP}{_YEAR})?|{_YEAR})",
)

_AREA: Final = "(?:[(][0-9]{3}[)]|[0-9]{3})"
_PHONES: Final = (
    f"[+][0-9]{{1,3}}(?:{_DASH}?[(]?[0-9]{{1,4}}[)]?){{2,6}}{_NO_DIGIT_AFTER}",
    f"{_NO_DIGIT_BEFORE}(?:1{_DASH}?)?{_AREA}{_DASH}{{0,2}}[0-9]{{3}}{_DASH}?[0-9]{{4}}{_NO_DIGIT_AFTER}",
    rf"{_NO_DIGIT_BEFORE}[0-9]{{3}}[-\u2010-\u2015][0-9]{{4}}{_NO_DIGIT_AFTER}",
)

REGEXES: Final[Mapping[RedactPattern, str]] = MappingProxyType(
    {
        RedactPattern.URL: _URL,
        RedactPattern.EMAIL: _EMAIL,
        RedactPattern.MRN: _MRN,
        RedactPattern.SSN: _SSN,
        RedactPattern.DATE: "|".join(_DATES),
        RedactPattern.PHONE: "|".join(_PHONES),
    }
)

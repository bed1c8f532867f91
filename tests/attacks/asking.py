"""Who may ask for whom, by hints of either form, and what is asked.

Must not know: how a hint is given. Invariant: the roles and the masked columns are those of the clinic's policy.
"""

from __future__ import annotations

ROLES = ("clinician", "analyst", "billing", "researcher", "partner_acme")
QUERY = (
    "SELECT patient_id, mrn, ssn, first_name, dob, zip, phone FROM clinic.patients WHERE patient_id <= 7"
    " ORDER BY patient_id"
)
# As which roles somebody who logged in as this one may have a hint act.
NARROWER = {"clinician": set(ROLES), "analyst": {"analyst"}, "billing": {"billing", "partner_acme"}}

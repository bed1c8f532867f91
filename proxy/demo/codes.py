"""The code lists of the clinic: diagnoses, laboratory tests, medicines, departments, payers and the shop's goods.

Owns: the lists. Must not know: patients, tables, random numbers. Invariant: codes and their meanings are the public
ones of ICD-10-CM and LOINC; payers, prices and products are made up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """An ICD-10-CM code; ``share`` is how often it is given, ``from_age`` the age before which it never is."""

    code: str
    description: str
    chapter: int
    share: int
    from_age: int
    reason: str


DIAGNOSES = (
    Diagnosis("A09", "Infectious gastroenteritis and colitis, unspecified", 1, 20, 0, "vomiting since yesterday"),
    Diagnosis("B20", "Human immunodeficiency virus disease", 1, 3, 18, "follow-up, infectious diseases"),
    Diagnosis("C50.911", "Malignant neoplasm of unspecified site of right female breast", 2, 4, 35, "oncology visit"),
    Diagnosis("C61", "Malignant neoplasm of prostate", 2, 3, 50, "oncology visit"),
    Diagnosis("D50.9", "Iron deficiency anemia, unspecified", 3, 12, 5, "tired for weeks"),
    Diagnosis("E03.9", "Hypothyroidism, unspecified", 4, 15, 20, "thyroid check"),
    Diagnosis("E11.9", "Type 2 diabetes mellitus without complications", 4, 40, 30, "diabetes check"),
    Diagnosis("E66.9", "Obesity, unspecified", 4, 18, 10, "weight counselling"),
    Diagnosis("E78.5", "Hyperlipidemia, unspecified", 4, 35, 30, "lipid check"),
    Diagnosis("F11.20", "Opioid dependence, uncomplicated", 5, 5, 16, "medication-assisted treatment"),
    Diagnosis("F32.9", "Major depressive disorder, single episode, unspecified", 5, 18, 14, "low mood"),
    Diagnosis("F41.1", "Generalized anxiety disorder", 5, 18, 12, "anxiety"),
    Diagnosis("G43.909", "Migraine, unspecified, not intractable", 6, 12, 8, "headache with aura"),
    Diagnosis("H66.90", "Otitis media, unspecified, unspecified ear", 8, 14, 0, "ear pain"),
    Diagnosis("I10", "Essential (primary) hypertension", 9, 60, 30, "blood pressure check"),
    Diagnosis("I21.9", "Acute myocardial infarction, unspecified", 9, 4, 40, "chest pain"),
    Diagnosis("I48.91", "Unspecified atrial fibrillation", 9, 8, 50, "palpitations"),
    Diagnosis("J06.9", "Acute upper respiratory infection, unspecified", 10, 40, 0, "cough and fever"),
    Diagnosis("J18.9", "Pneumonia, unspecified organism", 10, 9, 0, "shortness of breath"),
    Diagnosis("J45.909", "Unspecified asthma, uncomplicated", 10, 22, 3, "wheezing at night"),
    Diagnosis("K21.9", "Gastro-esophageal reflux disease without esophagitis", 11, 20, 18, "heartburn"),
    Diagnosis("L20.9", "Atopic dermatitis, unspecified", 12, 12, 0, "itching rash"),
    Diagnosis("M17.9", "Osteoarthritis of knee, unspecified", 13, 20, 45, "knee pain"),
    Diagnosis("M54.50", "Low back pain, unspecified", 13, 35, 15, "back pain after lifting"),
    Diagnosis("N18.30", "Chronic kidney disease, stage 3 unspecified", 14, 10, 50, "nephrology follow-up"),
    Diagnosis("N39.0", "Urinary tract infection, site not specified", 14, 18, 2, "burning on urination"),
    Diagnosis("O80", "Encounter for full-term uncomplicated delivery", 15, 6, 18, "labor"),
    Diagnosis("R51.9", "Headache, unspecified", 18, 18, 5, "headache"),
    Diagnosis("S52.501A", "Unspecified fracture of the lower end of right radius", 19, 8, 4, "fell on the ice"),
    Diagnosis("Z00.00", "Encounter for general adult medical examination", 21, 50, 18, "annual physical"),
    Diagnosis("Z00.129", "Encounter for routine child health examination", 21, 40, 0, "well-child visit"),
    Diagnosis("Z23", "Encounter for immunization", 21, 30, 0, "immunization"),
)


@dataclass(frozen=True, slots=True)
class LabTest:
    """A LOINC code with its unit and the usual range of values; ``digits`` after the point."""

    code: str
    component: str
    unit: str
    low: float
    high: float
    digits: int


LAB_TESTS = (
    LabTest("718-7", "Hemoglobin", "g/dL", 12.0, 17.5, 1),
    LabTest("2345-7", "Glucose", "mg/dL", 70, 140, 0),
    LabTest("4548-4", "Hemoglobin A1c", "%", 4.0, 6.4, 1),
    LabTest("2160-0", "Creatinine", "mg/dL", 0.6, 1.3, 2),
    LabTest("2823-3", "Potassium", "mmol/L", 3.5, 5.1, 1),
    LabTest("2951-2", "Sodium", "mmol/L", 136, 145, 0),
    LabTest("13457-7", "Cholesterol in LDL", "mg/dL", 50, 130, 0),
    LabTest("3016-3", "Thyrotropin", "mIU/L", 0.4, 4.5, 2),
    LabTest("6690-2", "Leukocytes", "10*3/uL", 4.0, 11.0, 1),
    LabTest("777-3", "Platelets", "10*3/uL", 150, 400, 0),
)

MEDICINES = (
    ("Lisinopril", 10.0, 24, "oral"),
    ("Metformin", 500.0, 12, "oral"),
    ("Atorvastatin", 20.0, 24, "oral"),
    ("Levothyroxine", 0.075, 24, "oral"),
    ("Sertraline", 50.0, 24, "oral"),
    ("Amoxicillin", 500.0, 8, "oral"),
    ("Ibuprofen", 400.0, 6, "oral"),
    ("Apixaban", 5.0, 12, "oral"),
    ("Buprenorphine", 8.0, 24, "sublingual"),
    ("Insulin glargine", None, 24, "subcutaneous"),
    ("Albuterol", 0.09, 4, "inhaled"),
)

DEPARTMENTS = (
    ("Emergency", "North", 0, 24),
    ("Family Medicine", "West", 8, None),
    ("Cardiology", "North", 8, 16),
    ("Oncology", "South", 7, 20),
    ("Pediatrics", "West", 8, 18),
    ("Obstetrics", "South", 0, 14),
    ("Orthopedics", "North", 8, 22),
    ("Psychiatry", "Annex", 9, 12),
    ("Nephrology", "South", 8, None),
    ("Dermatology", "Annex", 9, None),
)

# By the prefix of their members' numbers.
INSURERS = {
    "GHP": "Granite Health Plan",
    "GMM": "Green Mountain Mutual",
    "HBC": "Harbor Care",
    "MCR": "Medicare",
    "MCD": "Medicaid",
    "PPO": "Pioneer PPO",
}

REGIONS = ("Northeast", "Midwest", "South", "West")

PRODUCTS = (
    ("Blood pressure cuff", "39.90", "home"),
    ("Digital thermometer", "12.50", "home"),
    ("Compression stockings", "24.00", "wear"),
    ("Knee brace", "31.75", "wear"),
    ("Pill organizer", "8.20", "home"),
    ("Pulse oximeter", "28.40", "home"),
    ("Crutches, pair", "45.00", "mobility"),
    ("Walker", "79.99", "mobility"),
    ("Baby scale", "64.10", "family"),
    ("First aid kit", "19.95", "family"),
)

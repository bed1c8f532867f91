"""The names and places that the made-up patients are made of.

Owns: the lists. Must not know: tables, random numbers. Invariant: they are common names of the United States' many
origins; no combination is meant to be anyone, and every telephone exchange and mail domain is one reserved for fiction.
"""

from __future__ import annotations

from dataclasses import dataclass

FEMALE = tuple(
    """Ada Aaliyah Abigail Aiko Alejandra Alice Amara Amelia Amina Ana Angela Anna Anh Ava Barbara Beatriz Bożena
    Brianna Camila Carmen Charlotte Chloé Deborah Destiny Dolores Ebony Elena Eleanor Éloïse Emily Emma Evelyn
    Fatima Françoise Gabriela Grace Gwendolyn Hannah Harper Imani Inés Isabella Jasmine Jennifer Joanna Karen
    Keisha Kimiko Laila Latoya Leticia Linda Lourdes Lucía Luz Madison Małgorzata Margaret María Mei Mia
    Michelle Nadia Naomi Nevaeh Olivia Patricia Pilar Priya Rachel Renée Rosa Ruth Samantha Sarah Shanice
    Siobhán Sofía Sophia Susan Tamika Thuy Valentina Victoria Ximena Yesenia Yuki Zoë""".split()  # noqa: SIM905 - a list that is read, not parsed
)

MALE = tuple(
    """Aaron Abdul Ahmed Akira Alan Alejandro André Anthony Antonio Arjun Benjamin Björn Brian Bruce Carlos Charles
    Christopher Cường Daniel Darnell David Demetrius Diego Dmitri Edward Elijah Émile Ethan Fernando François
    Gabriel George Gerald Hassan Hector Henry Hiroshi Ian Isaac Jack Jaime Jakub Jamal James Javier Jean-Luc
    Jesús Jin John José Joseph Juan Kenneth Kofi Kwame Larry Liam Logan Louis Łukasz Luis Malik Marcus Mateo
    Matthew Mohammed Noah Oliver Omar Óscar Patrick Paul Quincy Rafael Raúl Richard Robert Ruben Samuel Sanjay
    Seán Steven Terrence Thomas Tyrone Vikram Walter William Wojciech Xavier Yusuf Zachary""".split()  # noqa: SIM905 - a list that is read, not parsed
)

NEUTRAL = ("Alex", "Avery", "Casey", "Jo", "Jordan", "Kai", "Morgan", "Quinn", "Riley", "Rowan", "Sam", "Taylor")

LAST = (
    *"""Abdullah Adams Adebayo Ahmed Álvarez Anderson Añonuevo Bailey Baker Banerjee Begaye Bell Bennett Björk Brooks
    Brown Campbell Carter Castillo Chang Chavez Chen Clark Cohen Coleman Collins Cooper Cruz Davis Díaz Dubois
    Edwards Evans Fernández Fitzgerald Flores Foster Friedman García Gómez González Grabowski Gray Green
    Gutiérrez Hall Harris Hassan Hernández Hill Howard Hughes Ibáñez Jackson James Jean-Baptiste Jenkins Jiménez
    Johnson Jones Kaczyński Kelly Khan Kim King Kovač Kowalski Lee Lewis Li López Łuczak Martin Martínez Mbeki
    McDonald Mendoza Miller Mitchell Moore Morales Müller Murphy Muñoz Nakamura Nelson Ng Nguyen Núñez O'Brien
    O'Connor Okafor Oliveira Ortiz Park Patel Pérez Peterson Phillips Powell Price Quiñones Ramírez Reed Reyes
    Richardson Rivera Roberts Robinson Rodríguez Rogers Rojas Rosenberg Ruiz Russell Sánchez Sanders Schäfer
    Scott Shah Sharma Singh Smith Stewart Sullivan Tanaka Taylor Thomas Thompson Torres Tran Turner Vargas
    Vásquez Walker Wang Ward Washington Watson White Williams Wilson Wood Wright Wu Yang Yazzie Young Zając
    Zhang""".split(),  # noqa: SIM905
    "de la Cruz",
    "St. Clair",
    "Van Buren",
)

# Latin letters are not all there are: what a mask calls a letter must hold for these too.
OTHER_SCRIPTS = (("Анна", "Петрова"), ("Ελένη", "Παπαδοπούλου"), ("小芳", "王"), ("נועה", "כהן"))

STREETS = tuple(
    """Acorn Birch Cedar Chestnut Church Cherry College Dogwood Elm Franklin Grove Hickory Highland Hillside Jefferson
    Juniper Lake Lincoln Locust Madison Main Maple Meadow Mill Oak Orchard Park Pine Pleasant Prospect Ridge
    River School Spring Spruce Summit Sycamore Union Valley Walnut Washington Willow""".split()  # noqa: SIM905 - a list that is read, not parsed
)

STREET_KINDS = ("St", "Ave", "Rd", "Ln", "Dr", "Ct", "Blvd", "Way")

LANGUAGES = ("es", "zh", "vi", "pl", "ar", "fr", "ht", "ru", "pt", "hi", "ko", "nv")


@dataclass(frozen=True, slots=True)
class Area:
    """A three-digit ZIP area: ``population`` is rounded, ``share`` how often our patients live there."""

    zip3: str
    state: str
    city: str
    population: int
    phone_area: str
    share: int


AREAS = (
    Area("010", "MA", "Springfield", 330_000, "413", 60),
    Area("021", "MA", "Boston", 770_000, "617", 140),
    Area("029", "RI", "Providence", 420_000, "401", 60),
    Area("030", "NH", "Nashua", 380_000, "603", 130),
    Area("033", "NH", "Concord", 130_000, "603", 120),
    Area("036", "NH", "Charlestown", 16_000, "603", 14),
    Area("037", "NH", "Lebanon", 78_000, "603", 110),
    Area("041", "ME", "Portland", 220_000, "207", 60),
    Area("054", "VT", "Burlington", 190_000, "802", 110),
    Area("056", "VT", "Montpelier", 90_000, "802", 70),
    Area("059", "VT", "Guildhall", 9_000, "802", 14),
    Area("061", "CT", "Hartford", 240_000, "860", 50),
    Area("100", "NY", "New York", 1_600_000, "212", 40),
    Area("331", "FL", "Miami", 1_500_000, "305", 10),
    Area("556", "MN", "Two Harbors", 17_000, "218", 3),
    Area("606", "IL", "Chicago", 2_700_000, "312", 12),
    Area("692", "NE", "Valentine", 8_000, "402", 3),
    Area("787", "TX", "Austin", 1_000_000, "512", 8),
    Area("802", "CO", "Denver", 900_000, "303", 8),
    Area("821", "WY", "Yellowstone", 400, "307", 8),
    Area("830", "WY", "Jackson", 19_000, "307", 3),
    Area("852", "AZ", "Mesa", 1_700_000, "480", 6),
    Area("879", "NM", "Truth or Consequences", 12_000, "575", 3),
    Area("893", "NV", "Ely", 12_000, "775", 8),
    Area("900", "CA", "Los Angeles", 2_400_000, "213", 14),
    Area("981", "WA", "Seattle", 950_000, "206", 10),
)

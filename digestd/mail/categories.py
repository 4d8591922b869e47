"""Names of categories: arXiv's taxonomy (https://arxiv.org/category_taxonomy)."""

from collections.abc import Sequence
from difflib import get_close_matches

_NAMES = """
cs.AI Artificial Intelligence|cs.AR Hardware Architecture|cs.CC Computational Complexity
cs.CE Computational Engineering|cs.CG Computational Geometry|cs.CL Computation and Language
cs.CR Cryptography and Security|cs.CV Computer Vision|cs.CY Computers and Society|cs.DB Databases
cs.DC Distributed Computing|cs.DL Digital Libraries|cs.DM Discrete Mathematics|cs.DS Data Structures and Algorithms
cs.ET Emerging Technologies|cs.FL Formal Languages|cs.GL General Literature|cs.GR Graphics|cs.GT Game Theory
cs.HC Human-Computer Interaction|cs.IR Information Retrieval|cs.IT Information Theory|cs.LG Machine Learning
cs.LO Logic in Computer Science|cs.MA Multiagent Systems|cs.MM Multimedia|cs.MS Mathematical Software
cs.NA Numerical Analysis|cs.NE Neural and Evolutionary Computing|cs.NI Networking|cs.OH Other Computer Science
cs.OS Operating Systems|cs.PF Performance|cs.PL Programming Languages|cs.RO Robotics|cs.SC Symbolic Computation
cs.SD Sound|cs.SE Software Engineering|cs.SI Social and Information Networks|cs.SY Systems and Control
econ.EM Econometrics|econ.GN General Economics|econ.TH Theoretical Economics|eess.AS Audio and Speech Processing
eess.IV Image and Video Processing|eess.SP Signal Processing|eess.SY Systems and Control
math.AC Commutative Algebra|math.AG Algebraic Geometry|math.AP Analysis of PDEs|math.AT Algebraic Topology
math.CA Classical Analysis and ODEs|math.CO Combinatorics|math.CT Category Theory|math.CV Complex Variables
math.DG Differential Geometry|math.DS Dynamical Systems|math.FA Functional Analysis|math.GM General Mathematics
math.GN General Topology|math.GR Group Theory|math.GT Geometric Topology|math.HO History and Overview
math.IT Information Theory|math.KT K-Theory and Homology|math.LO Logic|math.MG Metric Geometry
math.MP Mathematical Physics|math.NA Numerical Analysis|math.NT Number Theory|math.OA Operator Algebras
math.OC Optimization and Control|math.PR Probability|math.QA Quantum Algebra|math.RA Rings and Algebras
math.RT Representation Theory|math.SG Symplectic Geometry|math.SP Spectral Theory|math.ST Statistics Theory
astro-ph Astrophysics|astro-ph.CO Cosmology|astro-ph.EP Earth and Planetary Astrophysics
astro-ph.GA Astrophysics of Galaxies|astro-ph.HE High-Energy Astrophysics
astro-ph.IM Instrumentation for Astrophysics|astro-ph.SR Solar and Stellar Astrophysics
cond-mat Condensed Matter|cond-mat.dis-nn Disordered Systems and Neural Networks
cond-mat.mes-hall Mesoscale and Nanoscale Physics|cond-mat.mtrl-sci Materials Science
cond-mat.other Other Condensed Matter|cond-mat.quant-gas Quantum Gases|cond-mat.soft Soft Condensed Matter
cond-mat.stat-mech Statistical Mechanics|cond-mat.str-el Strongly Correlated Electrons
cond-mat.supr-con Superconductivity|gr-qc General Relativity and Quantum Cosmology
hep-ex High-Energy Physics: Experiment|hep-lat High-Energy Physics: Lattice
hep-ph High-Energy Physics: Phenomenology|hep-th High-Energy Physics: Theory|math-ph Mathematical Physics
nlin.AO Adaptation and Self-Organizing Systems|nlin.CD Chaotic Dynamics|nlin.CG Cellular Automata
nlin.PS Pattern Formation and Solitons|nlin.SI Integrable Systems|nucl-ex Nuclear Experiment|nucl-th Nuclear Theory
physics.acc-ph Accelerator Physics|physics.ao-ph Atmospheric and Oceanic Physics|physics.app-ph Applied Physics
physics.atm-clus Atomic and Molecular Clusters|physics.atom-ph Atomic Physics|physics.bio-ph Biological Physics
physics.chem-ph Chemical Physics|physics.class-ph Classical Physics|physics.comp-ph Computational Physics
physics.data-an Data Analysis and Probability|physics.ed-ph Physics Education|physics.flu-dyn Fluid Dynamics
physics.gen-ph General Physics|physics.geo-ph Geophysics|physics.hist-ph History and Philosophy of Physics
physics.ins-det Instrumentation and Detectors|physics.med-ph Medical Physics|physics.optics Optics
physics.plasm-ph Plasma Physics|physics.pop-ph Popular Physics|physics.soc-ph Physics and Society
physics.space-ph Space Physics|q-bio.BM Biomolecules|q-bio.CB Cell Behavior|q-bio.GN Genomics
q-bio.MN Molecular Networks|q-bio.NC Neurons and Cognition|q-bio.OT Other Quantitative Biology
q-bio.PE Populations and Evolution|q-bio.QM Quantitative Methods|q-bio.SC Subcellular Processes
q-bio.TO Tissues and Organs|q-fin.CP Computational Finance|q-fin.EC Economics|q-fin.GN General Finance
q-fin.MF Mathematical Finance|q-fin.PM Portfolio Management|q-fin.PR Pricing of Securities
q-fin.RM Risk Management|q-fin.ST Statistical Finance|q-fin.TR Trading and Market Microstructure
quant-ph Quantum Physics|stat.AP Applied Statistics|stat.CO Statistical Computation|stat.ME Statistical Methodology
stat.ML Machine Learning|stat.OT Other Statistics|stat.TH Statistics Theory
"""
NAMES = dict(row.split(" ", 1) for line in _NAMES.strip().splitlines() for row in line.split("|"))
"""Category → name."""


def unknown_category(code: str) -> str:
    """Return why arXiv has no such category, with near ones; "" if it has it, or an archive of that name."""
    known = {name.casefold(): name for name in (*NAMES, *(name.partition(".")[0] for name in NAMES))}
    if code.casefold() in known:
        return ""
    near = [known[name] for name in get_close_matches(code.casefold(), known, n=3)]
    hint = f"did you mean {', '.join(near)}?" if near else "arxiv.org/category_taxonomy lists all"
    return f"arXiv has no category {code[:40]!r}; {hint}"


def category_names(categories: Sequence[str]) -> tuple[str, ...]:
    """Return the names of categories, each once; those without a name stay as they are."""
    return tuple(dict.fromkeys(NAMES.get(category, category) for category in categories))


def category_label(category: str) -> str:
    """Return the name of a category with its code, as in "Machine Learning (cs.LG)", or the code alone."""
    return f"{NAMES[category]} ({category})" if category in NAMES else category

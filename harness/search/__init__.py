"""Search over a fixed corpus: documents, indices, the service that worlds ask, and what a search may spend.

A corpus is known by the digest of its documents. An index gives the same hits, byte for byte, for the same
query: ties go to the document whose id comes first. The live web is no part of it (`harness.external`).
"""

from harness.search.corpus import Corpus, Document
from harness.search.governed import Governed
from harness.search.governor import CapReached, Caps, Governor
from harness.search.ledger import Step, TokenLedger
from harness.search.service import Hit, Search

__all__ = [
    "CapReached",
    "Caps",
    "Corpus",
    "Document",
    "Governed",
    "Governor",
    "Hit",
    "Search",
    "Step",
    "TokenLedger",
]

"""Two hundred readers with interests of our own words."""

from collections.abc import Iterator
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

TOPICS = """\
robots that learn to fold laundry
making large language models cheaper to serve
watermarks for generated pictures
how models plan several steps ahead
video generation that obeys physics
speech recognition for rare languages
reading medical scans with few labels
teaching small models from big ones
agents that use a web browser
checking mathematical proofs by machine
memory for long conversations
attention that scales to long documents
safety of open weights
three dimensional scenes from photographs
graph networks for chemistry
searching documents with embeddings
reinforcement learning from human preferences
diffusion models with few steps
code generation and debugging
tables and spreadsheets understood by models
music made by machine
detecting what is out of distribution
pruning and quantization
benchmarks that cannot be gamed
translation between many languages
weather forecasts by neural networks
driving cars in simulation
faces and identity in generated images
mixture of experts routing
why transformers learn in context
hallucinations and how to measure them
optical character recognition of old books
multimodal question answering
federated training with privacy
optimizers faster than Adam
world models for games
protein design
synthetic data for training
tokenizers without a fixed vocabulary
reward hacking""".splitlines()
PHRASES = ["vision-language", "chain of thought", "state space", "test-time", "retrieval", "open source", "benchmark"]
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Pacific/Auckland", "America/Sao_Paulo"]
MUTED = ["survey", "position paper", "blockchain"]


def readers(count: int) -> Iterator[dict[str, object]]:
    """Half of them at 07:00 UTC, the others anywhere at any hour; a few want nothing in particular."""
    for number in range(count):
        rng = Random(number)
        said: dict[str, object] = {
            "email": f"reader{number}@example.net",
            "topics": rng.sample(TOPICS, rng.choice([0, 1, 1, 2, 2, 3])),
            "phrases": rng.sample(PHRASES, rng.choice([0, 0, 0, 1])),
            "mute": {"phrases": rng.sample(MUTED, rng.choice([0, 0, 1]))},
            "size": rng.choice([3, 5, 10, 10, 15]),
        }
        yield said if number % 2 else said | {"timezone": rng.choice(ZONES), "hour": rng.randrange(24)}


def due(readers: list[dict[str, object]], now: datetime) -> set[str]:
    """The addresses whose hour of their local day has come; told from the hour alone."""
    return {
        str(reader["email"])
        for reader in readers
        if now.astimezone(ZoneInfo(str(reader.get("timezone", "UTC")))).hour >= int(str(reader.get("hour", 7)))
    }

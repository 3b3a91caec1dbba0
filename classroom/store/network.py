"""The store's door to places, people's offices and accounts: `store.network`."""

from __future__ import annotations

from classroom.network.scope import Principal
from classroom.store import network_people
from classroom.store.outbox import Transaction


class NetworkStore:
    """All methods raise StoreUnavailable."""

    def __init__(self, read: Transaction, change: Transaction) -> None:
        self._read = read
        self._change = change

    async def principal(self, secret_hash: str, now_ms: int) -> Principal | None:
        """Who signed in with the secret of this hash; None: nobody, or no more."""
        return await self._read(lambda connection: network_people.principal(connection, secret_hash, now_ms))

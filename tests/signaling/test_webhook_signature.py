"""The signature of webhooks, against the standard's own example."""

from __future__ import annotations

import pytest

from signaling.webhook_signature import headers, key_of, new_secret, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
NOW = 1614265330


def test_the_example_of_the_specification() -> None:
    """Standard Webhooks' test vector, as its libraries have it."""
    made = headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", BODY, NOW)
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == str(NOW)


def test_what_was_signed_is_recognized() -> None:
    secret = new_secret()
    made = headers(secret, "m", BODY, NOW)

    def holds(**changes: object) -> bool:
        values = {
            "secret": secret,
            "message_id": made["webhook-id"],
            "timestamp": made["webhook-timestamp"],
            "signatures": made["webhook-signature"],
            "body": BODY,
            "now_s": NOW + 10,
        }
        return verify(**(values | changes))  # type: ignore[arg-type]

    assert holds()
    assert holds(signatures="v1,other " + made["webhook-signature"])
    assert not holds(body=BODY + b" ")
    assert not holds(message_id="n")
    assert not holds(secret=new_secret())
    assert not holds(timestamp=str(NOW + 1))
    assert not holds(now_s=NOW + 301)
    assert not holds(now_s=NOW - 301)
    assert not holds(timestamp="soon")
    assert not holds(signatures="")


@pytest.mark.parametrize("odd", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_*", SECRET[6:], "whsec_" + "A" * 88])
def test_what_is_no_secret(odd: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        key_of(odd)

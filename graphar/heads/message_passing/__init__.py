"""The message-passing head: what it is, the rule by which messages are made, weights that graphs share."""

from graphar.heads.message_passing.head import BoundMessagePassing, MessagePassing, Received
from graphar.heads.message_passing.rule import MessageRule
from graphar.heads.message_passing.weights import MessageWeights

__all__ = ["BoundMessagePassing", "MessagePassing", "MessageRule", "MessageWeights", "Received"]

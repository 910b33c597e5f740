"""Find the unusual in any event stream: consumers' orders, or the audit log itself."""

from cartveil.insight.decisions.watch.alerts import Alert
from cartveil.insight.decisions.watch.detector import Detector
from cartveil.insight.decisions.watch.learning import train_detector
from cartveil.insight.decisions.watch.network import DetectorConfig
from cartveil.insight.sequences.audit_trail import audit_stream
from cartveil.insight.sequences.purchases import order_stream

__all__ = ["Alert", "Detector", "DetectorConfig", "audit_stream", "order_stream", "train_detector"]

"""Find strange traces of calls: whoever runs another program than the known ones leaves another trace."""

from cartveil.insight.decisions.traces.counts import count_next_calls, remember_traces
from cartveil.insight.decisions.traces.detector import TraceConfig, TraceDetector, train_trace_detector
from cartveil.insight.decisions.traces.protocol import evaluate_traces

__all__ = [
    "TraceConfig",
    "TraceDetector",
    "count_next_calls",
    "evaluate_traces",
    "remember_traces",
    "train_trace_detector",
]

"""The second stage of a detector: a judge trained to tell clean events from clean events that were corrupted."""

from cartveil.insight.decisions.watch.second_stage.corruptions import Corrupted, Corruption
from cartveil.insight.decisions.watch.second_stage.judge import Judge, JudgeConfig
from cartveil.insight.decisions.watch.second_stage.learning import train_judge

__all__ = ["Corrupted", "Corruption", "Judge", "JudgeConfig", "train_judge"]

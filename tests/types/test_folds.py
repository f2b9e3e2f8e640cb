from lepton_lab.types import CrossValidation, FoldSummary


def test_each_fold_and_what_they_say_together() -> None:
    folds = ({"accuracy": 0.9, "loss": 0.3}, {"accuracy": 0.8, "loss": 0.5, "auc": 1.0})
    summaries = (FoldSummary("accuracy", 0.85, 0.07, 0.7, 1.0), FoldSummary("loss", 0.4, 0.14, 0.1, 0.7))
    text = str(CrossValidation("m", "d", (50, 50), folds, summaries))
    assert text.startswith("m on d, 2-fold cross-validation of 100 rows")
    assert "metric    fold 1  fold 2  mean    deviation  95 % interval" in text
    assert "accuracy  0.9000  0.8000  0.8500  0.0700     0.7000 to 1.0000" in text
    assert "auc" not in text and "Nadeau and Bengio" in text

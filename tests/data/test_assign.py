import struct
from hashlib import blake2b

import numpy as np
import pandas as pd
import pytest

from lepton_lab import data
from lepton_lab.data._assign import Cut, assign
from lepton_lab.errors import InputError, UnknownNameError
from lepton_lab.types import Dataset, Target, records

HASHED = [0, 0, 1, 0, 1, 1, 1, 2, 3, 1, 2, 3, 2, 1, 1, 3, 1, 0, 0, 0]
"""Shards of 20 fixed rows, written down when version 1 was."""


def cut(rows=1000, classes=10, num_shards=8, key=None, alpha=0.5, seed=0, kind="classes"):
    x = np.random.default_rng(1).random((rows, 3), dtype=np.float32)
    x[:, 1] = np.arange(rows) % 7
    y = np.arange(rows) % classes
    names = tuple(map(str, range(classes))) if kind == "classes" else ()
    dataset = Dataset(
        "d", None, "test", {"train": rows}, (3,), "float32", Target(kind, "y", names), columns=("a", "b", "town=Ulm")
    )
    return Cut(dataset, x, y, num_shards, key, alpha, seed)


@pytest.mark.parametrize("by", data.SHARDINGS)
class TestEveryWay:
    def test_every_row_has_a_shard_and_every_shard_rows(self, by):
        shards = assign(by, cut())
        assert shards.shape == (1000,)
        assert set(shards.tolist()) == set(range(8))

    def test_again_the_same(self, by):
        assert (assign(by, cut()) == assign(by, cut())).all()

    def test_as_many_shards_as_rows_or_a_clear_word(self, by):
        try:
            assert len(set(assign(by, cut(rows=10, num_shards=10)).tolist())) == 10
        except InputError as error:
            assert by == "hash"
            assert "ask for fewer shards" in str(error)

    def test_one_shard(self, by):
        assert not assign(by, cut(num_shards=1)).any()

    @pytest.mark.parametrize("num_shards", [0, -1, 1001])
    def test_number_of_shards(self, by, num_shards):
        with pytest.raises(InputError, match="expected 1 to 1,000"):
            assign(by, cut(num_shards=num_shards))


class TestHash:
    def test_is_the_same_for_ever(self):
        """Who changes this raises VERSION: shards of other machines and other days must fit together."""
        this = cut(rows=20, num_shards=4)
        this.x[:] = np.arange(60).reshape(20, 3)
        rows = [struct.pack("<3fq", *x, y) for x, y in zip(this.x.tolist(), this.y.tolist(), strict=True)]
        digests = [blake2b(row, digest_size=8, person=b"lepton-shard-1").digest() for row in rows]
        expected = [int.from_bytes(digest, "little") % 4 for digest in digests]
        assert assign("hash", this).tolist() == expected == HASHED

    def test_does_not_depend_on_order_or_company(self):
        whole = cut()
        part = Cut(whole.dataset, whole.x[::-3], whole.y[::-3], 8, None, 0.5, 0)
        assert (assign("hash", whole)[::-3] == assign("hash", part)).all()

    def test_is_even(self):
        counts = np.bincount(assign("hash", cut(rows=20000)))
        assert counts.min() > 2300
        assert counts.max() < 2700

    def test_rows_with_one_key_meet(self):
        shards = assign("hash", cut(key="b", num_shards=2))
        assert all(len(set(shards[start::7].tolist())) == 1 for start in range(7))

    def test_the_label_may_be_the_key(self):
        shards = assign("hash", cut(key="y", num_shards=2))
        assert all(len(set(shards[start::10].tolist())) == 1 for start in range(10))

    def test_minus_zero_is_zero(self):
        one, other = cut(key="a", rows=50, num_shards=4), cut(key="a", rows=50, num_shards=4)
        one.x[::2, 0], other.x[::2, 0] = 0.0, -0.0
        assert (assign("hash", one) == assign("hash", other)).all()

    def test_too_few_keys(self):
        with pytest.raises(InputError, match="of 30 shards would get rows by hash of b"):
            assign("hash", cut(key="b", num_shards=30))


class TestRange:
    def test_in_order(self):
        shards = assign("range", cut(rows=1003))
        assert (np.diff(shards) >= 0).all()
        assert set(np.bincount(shards)) == {125, 126}

    def test_in_order_of_the_key(self):
        this = cut(key="a")
        shards = assign("range", this)
        limits = [(this.x[shards == n, 0].min(), this.x[shards == n, 0].max()) for n in range(8)]
        assert all(limits[n][1] <= limits[n + 1][0] for n in range(7))
        assert set(np.bincount(shards)) == {125}


class TestStratified:
    def test_shares_of_the_classes(self):
        this = cut(rows=1000)
        shards = assign("stratified", this)
        counts = np.array([np.bincount(this.y[shards == n], minlength=10) for n in range(8)])
        assert np.ptp(counts, axis=0).max() <= 1
        assert set(counts.sum(axis=1)) == {125}

    def test_numbers_spread_alike(self):
        this = cut(kind="numbers", classes=1000)
        shards = assign("stratified", this)
        means = [this.y[shards == n].mean() for n in range(8)]
        assert max(means) - min(means) < 10

    def test_seeds(self):
        assert (assign("stratified", cut(seed=1)) != assign("stratified", cut(seed=2))).any()


class TestDirichlet:
    @staticmethod
    def skew(alpha):
        this = cut(rows=4000, alpha=alpha)
        shards = assign("dirichlet", this)
        counts = np.array([np.bincount(this.y[shards == n], minlength=10) for n in range(8)])
        return (counts / counts.sum(axis=0)).std()

    def test_alpha_decides_the_skew(self):
        assert self.skew(0.1) > 2 * self.skew(1) > 4 * self.skew(100)
        assert self.skew(1e6) < 0.01

    def test_no_shard_is_empty_whatever_the_skew(self):
        assert len(set(assign("dirichlet", cut(rows=60, alpha=0.001, num_shards=50)).tolist())) == 50

    def test_refused(self):
        with pytest.raises(InputError, match="'y' are numbers"):
            assign("dirichlet", cut(kind="numbers"))
        for alpha in (0, -1, float("nan"), float("inf")):
            with pytest.raises(InputError, match="alpha"):
                assign("dirichlet", cut(alpha=alpha))


class TestOtherTargets:
    @staticmethod
    def cut(y, target, targets=None, **options):
        x = np.random.default_rng(0).random((len(y), 2), dtype=np.float32)
        dataset = Dataset("d", None, "test", {"train": len(y)}, (2,), "float32", target, targets=targets or {})
        return Cut(dataset, x, y, 4, options.get("key"), 0.1, 0)

    labels = np.random.default_rng(1).integers(0, 2, (400, 3)).astype(np.uint8)

    @pytest.mark.parametrize("by", ["hash", "range", "round_robin", "stratified"])
    @pytest.mark.parametrize("kind", ["labels", "numbers", "records"])
    def test_every_shard_gets_rows(self, by, kind):
        target = Target("labels", "l", ("a", "b", "c")) if kind != "numbers" else Target("numbers", "l", width=3)
        y = self.labels if kind != "numbers" else self.labels.astype(np.float32)
        if kind == "records":
            y = records({"l": self.labels, "n": np.arange(400, dtype=np.float32)})
        targets = {"l": target, "n": Target("numbers", "n")} if kind == "records" else {}
        shards = assign(by, self.cut(y, target, targets))
        assert set(shards.tolist()) == set(range(4))

    @pytest.mark.parametrize("several", [False, True])
    def test_stratified_keeps_the_combinations_of_labels(self, several):
        target = Target("labels", "l", ("a", "b", "c"))
        y, targets = self.labels, {}
        if several:
            y, targets = records({"l": self.labels, "n": np.arange(400.0)}), {"l": target, "n": Target("numbers", "n")}
        shards = assign("stratified", self.cut(y, target, targets))
        combined = self.labels @ [1, 2, 4]
        counts = np.array([np.bincount(combined[shards == n], minlength=8) for n in range(4)])
        assert np.ptp(counts, axis=0).max() <= 1

    def test_dirichlet_skews_the_first_target_and_only_classes(self):
        with pytest.raises(InputError, match="'l' are labels: shard by hash, range or stratified"):
            assign("dirichlet", self.cut(self.labels, Target("labels", "l", ("a", "b", "c"))))
        y = records({"c": np.arange(400) % 2, "n": np.arange(400, dtype=np.float32)})
        first = Target("classes", "c", ("0", "1"))
        shards = assign("dirichlet", self.cut(y, first, {"c": first, "n": Target("numbers", "n")}))
        counts = np.array([np.bincount(y["c"][shards == n], minlength=2) for n in range(4)])
        assert (counts / counts.sum(axis=0)).std() > 0.2

    def test_a_target_as_key(self):
        y = records({"c": np.arange(400) % 40, "l": self.labels})
        first = Target("classes", "c", tuple(map(str, range(40))))
        targets = {"c": first, "l": Target("labels", "l", ("a", "b", "c"))}
        for key in targets:
            shards = assign("hash", self.cut(y, first, targets, key=key))
            values = y[key].reshape(400, -1) @ [100, 10, 1][: y[key].reshape(400, -1).shape[1]]
            assert all(len(set(shards[values == value].tolist())) == 1 for value in np.unique(values))


def test_refused(digits):
    with pytest.raises(UnknownNameError, match="Did you mean 'hash'"):
        assign("hsah", cut())
    with pytest.raises(UnknownNameError, match=r"no column 'twon'\. Did you mean 'town'"):
        assign("hash", cut(key="twon"))
    with pytest.raises(InputError, match="round_robin takes no key"):
        assign("round_robin", cut(key="a"))
    x, y = data.open_split(digits, "train")
    with pytest.raises(InputError, match="has no columns"):
        assign("hash", Cut(digits, x, y, 8, "a", 0.5, 0))


def test_a_column_of_text_as_key(tmp_path):
    frame = pd.DataFrame({"town": ["Ulm", "Bonn", "Kiel", "Jena"] * 10, "label": [0, 1] * 20})
    dataset = data.load(frame, "f", tmp_path / "f", test_share=0)
    x, y = data.open_split(dataset, "train")
    shards = assign("hash", Cut(dataset, x, y, 2, "town", 0.5, 0))
    assert all(len(set(shards[start::4].tolist())) == 1 for start in range(4))

"""The models that these tests run."""

from tests.models_fixture import cnn, digits, int8_cnn, mixed, mixed_int8, mlp, of_zoo, table

__all__ = ["cnn", "digits", "int8_cnn", "mixed", "mixed_int8", "mlp", "of_zoo", "table"]

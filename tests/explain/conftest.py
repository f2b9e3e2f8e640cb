"""The models that these tests explain."""

from tests.models_fixture import cnn, digits, int8_cnn, mixed, mlp, of_zoo, table

__all__ = ["cnn", "digits", "int8_cnn", "mixed", "mlp", "of_zoo", "table"]

"""The OpenAPI document, made from what the views say of themselves: nothing is written a second time here."""

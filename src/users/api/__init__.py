"""The accounts' HTTP side: views are doors that call one use case."""

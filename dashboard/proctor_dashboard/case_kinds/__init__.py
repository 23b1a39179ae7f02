"""How a case looks, a module a kind of answer."""

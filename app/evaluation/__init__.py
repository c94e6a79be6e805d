"""How good the predictions are, measured against what people made of them."""

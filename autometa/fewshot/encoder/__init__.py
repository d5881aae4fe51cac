"""The task encoder: a table and its meta-features become 32 numbers, alike where the same pipelines are good.

`tables` and `numbers` read a task, `inference` encodes it, by NumPy alone; `network` and `learning` train it by torch.
"""

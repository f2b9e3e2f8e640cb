"""A stand-in for dask-cuda, which imports CUDA: its plugin for the CPU affinity, and the cores near a GPU."""

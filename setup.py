"""Builds the compiled kernel of private training, where there is a C++ compiler; without one the wheel works too.

Everything else about the package stands in pyproject.toml. The library needs no header of Python or of torch: it is
opened with ctypes.
"""

from pathlib import Path

from setuptools import Extension, setup

NATIVE = Path("src/cartveil/insight/privacy/kernel/native")

setup(
    ext_modules=[
        Extension(
            "cartveil.insight.privacy.kernel._native",
            sources=sorted(map(str, NATIVE.glob("*.cpp"))),
            depends=sorted(map(str, NATIVE.glob("*.h"))),
            # Neither flag touches comparisons: a NaN must be seen.
            extra_compile_args=[
                "-std=c++17",
                "-O3",
                "-g0",
                "-fvisibility=hidden",
                "-fno-math-errno",
                "-fno-trapping-math",
                "-Wall",
                "-Wextra",
            ],
            extra_link_args=["-pthread"],
            language="c++",
            optional=True,
        )
    ]
)

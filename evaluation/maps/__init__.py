"""Explanations against people's marks: boxes around opacities, lungs drawn by hand; and the tests of Arun et al."""

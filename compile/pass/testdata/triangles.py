"""The kernels of pass upsampled-conv for an enlargement by 2, from the definition: interpolate a single 1 by 2 with aligned
corners, and read the result through a 3x3 kernel that has a single tap. Run: python3 triangles.py > triangles.txt"""
rows = []
for ky in range(3):
    for kx in range(3):
        for y in range(5):
            for x in range(5):
                # The 1 stands at (2, 2) of the enlarged map; pixel (y, x) of the output reads (y + ky - 1, x + kx - 1).
                ry, rx = abs(y + ky - 1 - 2), abs(x + kx - 1 - 2)
                rows.append(max(0, 1 - ry / 2) * max(0, 1 - rx / 2))
print(", ".join(f"{v:g}" for v in rows))

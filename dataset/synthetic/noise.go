package synthetic

import "math"

// noise is a smooth random field, a function of its seed and of the place: random values at whole coordinates, a smooth
// passage between. Its values lie between 0 and 1.
type noise uint32

func (n noise) corner(x, y int32) float64 {
	h := uint32(n) ^ uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77
	h = (h ^ h>>15) * 0x2c1b3c6d
	h = (h ^ h>>12) * 0x297a2d39
	return float64(h^h>>15) / (1 << 32)
}

func (n noise) at(x, y float64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int32(fx), int32(fy)
	tx, ty := x-fx, y-fy
	tx, ty = tx*tx*(3-2*tx), ty*ty*(3-2*ty)
	a, b := n.corner(ix, iy), n.corner(ix+1, iy)
	c, d := n.corner(ix, iy+1), n.corner(ix+1, iy+1)
	a += (b - a) * tx
	c += (d - c) * tx
	return a + (c-a)*ty
}

// layers adds octaves: each of twice the frequency and half the weight of the one before.
func (n noise) layers(octaves int, x, y float64) float64 {
	sum, weight, all := 0.0, 1.0, 0.0
	for o := range octaves {
		sum += weight * (n+noise(o)*0x632be5ab).at(x, y)
		all += weight
		x, y, weight = 2*x+17.3, 2*y+5.9, weight/2
	}
	return sum / all
}

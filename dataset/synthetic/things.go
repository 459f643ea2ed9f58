package synthetic

import "math"

// house is a block of storeys with windows, its narrow side in shadow, under a flat or a gabled roof.
func (s *scene) house(x, foot float64) {
	size := 0.16 + 0.5*s.depth(foot)
	wide, tall := size*s.between(0.5, 1.3), size*s.between(0.6, 1.7)
	side := wide * s.between(0.15, 0.4)
	b := box{x - wide/2, foot - tall, x + wide/2, foot}
	wall, frame := s.pick(walls), s.pick(stones)
	glass := s.high.to(colour{0.08, 0.09, 0.12}, s.between(0.45, 0.85))
	brick, lit := s.noise(), s.noise()
	storey := size * s.between(0.16, 0.24)
	column := storey * s.between(0.7, 1.2)
	pane := s.between(0.45, 0.7)
	gable := s.Float64() < 0.5
	corner := b.right - side // where the shaded side begins; on the left if the sun is there
	if s.sun > 0 {
		corner = b.left + side
	}
	shapes := []shape{slab(b, 0)}
	roofTop := b.top
	if gable {
		over := wide * 0.05
		roofTop -= wide * s.between(0.2, 0.45)
		shapes = append(shapes, polygon([2]float64{b.left - over, b.top}, [2]float64{x, roofTop}, [2]float64{b.right + over, b.top}))
	}
	tiles := s.pick(walls).times(0.75)
	s.shade(x-s.sun*wide*0.3, foot, wide*0.8, size*0.08, 0.5)
	s.paint(house, box{b.left - 0.1*wide, roofTop, b.right + 0.1*wide, b.bottom}, union(shapes...), func(px, py float64) colour {
		if py < b.top { // roof
			course := math.Mod((py-roofTop)/(storey*0.22)+100, 1)
			return tiles.times(0.8 + 0.3*smooth(0, 0.5, course) + 0.15*brick.at(px*80, py*80))
		}
		c := wall.times(0.92 + 0.16*brick.layers(2, px*45, py*70))
		shadow := 1.0
		if px > corner == (s.sun < 0) {
			shadow = 0.66
		}
		u, v := (px-b.left)/column, (py-b.top)/storey
		fu, fv := u-math.Floor(u), v-math.Floor(v)
		inU, inV := math.Abs(fu-0.5)*2/pane, math.Abs(fv-0.5)*2/(pane*1.05)
		switch in := max(inU, inV); {
		case py > foot-storey*0.25:
			c = c.times(0.8) // plinth
		case in < 0.86:
			c = glass.times(0.8 + 0.5*(1-fv))
			if lit.corner(int32(u), int32(v)) > 0.85 {
				c = colour{0.95, 0.82, 0.50}
			}
		case in < 1.1:
			c = frame.times(1.15)
		}
		return c.times(shadow).to(s.low, 0.35*(1-smooth(0, 0.3, s.depth(foot))))
	})
}

// tree is a trunk under a crown of leaves, or a conifer.
func (s *scene) tree(x, foot float64) {
	size := (0.12 + 0.62*s.depth(foot)) * s.between(0.8, 1.3)
	leaf, dark := s.pick(plants), 0.45
	bark := colour{0.30, 0.22, 0.15}.times(s.between(0.7, 1.4))
	n, edge := s.noise(), s.noise()
	haze := 0.4 * (1 - smooth(0, 0.35, s.depth(foot)))
	s.shade(x-s.sun*size*0.15, foot, size*0.45, size*0.08, 0.5)
	trunk := box{x - size*0.035, foot - size*0.5, x + size*0.035, foot}
	s.paint(tree, trunk, slab(trunk, 0), func(px, py float64) colour {
		round := (px - x) / (size * 0.035) * s.sun
		return bark.times(0.8+0.3*round+0.5*(n.at(px*300, py*30)-0.5)).to(s.low, haze)
	})
	rough := func(px, py float64) float64 {
		return size * 0.10 * (edge.layers(2, px/size*14, py/size*14) - 0.5)
	}
	leaves := func(cx, cy, r float64) func(px, py float64) colour {
		return func(px, py float64) colour {
			clump := n.layers(3, px/size*15, py/size*15)
			facing := ((px-cx)*s.sun*0.7 - (py - cy)) / r
			c := leaf.times(dark + 0.85*clump + 0.25*facing)
			c = c.times(1 - 0.55*smooth(0.55, 0.72, n.layers(2, px/size*22+9, py/size*22))) // gaps
			return c.to(s.low, haze)
		}
	}
	if s.Float64() < 0.35 { // conifer
		tiers, wide := 3+s.IntN(2), size*s.between(0.22, 0.32)
		for i := range tiers {
			bottom := foot - size*(0.12+0.62*float64(i)/float64(tiers))
			half, tall := wide*(1-0.7*float64(i)/float64(tiers)), size*0.42
			cone := polygon([2]float64{x - half, bottom}, [2]float64{x, bottom - tall}, [2]float64{x + half, bottom})
			s.paint(tree, box{x - half - 0.1*size, bottom - tall - 0.1*size, x + half + 0.1*size, bottom + 0.1*size}, func(px, py float64) float64 {
				return cone(px, py) + 0.6*rough(px, py)
			}, leaves(x, bottom-tall/2, tall))
		}
		return
	}
	cx, cy, r := x, foot-size*0.68, size*s.between(0.24, 0.32)
	discs := []shape{ellipse(cx, cy, r, r*0.9)}
	for range 4 {
		a := s.between(0, 2*math.Pi)
		discs = append(discs, ellipse(cx+r*0.75*math.Cos(a), cy+r*0.55*math.Sin(a), r*0.6, r*0.55))
	}
	crown := union(discs...)
	s.paint(tree, box{cx - 1.6*r, cy - 1.5*r, cx + 1.6*r, cy + 1.5*r}, func(px, py float64) float64 {
		return crown(px, py) + rough(px, py)
	}, leaves(cx, cy, r))
}

// car is seen from the side: body, cabin with windows, two wheels.
func (s *scene) car(x, foot float64) {
	long := (0.05 + 0.36*s.depth(foot)) * s.between(0.85, 1.15)
	tall, wheel := long*s.between(0.24, 0.30), long*0.10
	paintwork := s.pick(lacquer)
	front := float64(2*s.IntN(2) - 1)
	body := box{x - long/2, foot - wheel*0.8 - tall*0.62, x + long/2, foot - wheel*0.6}
	roof := body.top - tall*s.between(0.5, 0.75)
	at := func(share float64) float64 { return x + front*long*share }
	cabinOf := func(in float64) shape {
		corners := [][2]float64{{at(-0.40 + in), body.top + 0.02*long - in*0.2*long}, {at(-0.28 + in*0.8), roof + in*long*0.6}, {at(0.10 - in*0.6), roof + in*long*0.6}, {at(0.26 - in), body.top + 0.02*long - in*0.2*long}}
		if front < 0 {
			corners[0], corners[1], corners[2], corners[3] = corners[3], corners[2], corners[1], corners[0]
		}
		return polygon(corners...)
	}
	cabin, windows := cabinOf(0), cabinOf(0.045)
	rear, fore := at(-0.29), at(0.30)
	wheels := union(ellipse(rear, foot-wheel, wheel, wheel), ellipse(fore, foot-wheel, wheel, wheel))
	glass := s.high.to(colour{0.05, 0.06, 0.08}, 0.7)
	s.shade(x, foot-wheel*0.2, long*0.62, long*0.08, 0.65)
	s.paint(car, box{body.left, roof, body.right, foot}, union(slab(body, tall*0.2), cabin, wheels), func(px, py float64) colour {
		for _, wx := range []float64{rear, fore} {
			switch d := math.Hypot(px-wx, py-(foot-wheel)) / wheel; {
			case d < 0.45:
				return colour{0.62, 0.63, 0.65}
			case d < 1:
				return colour{0.09, 0.09, 0.10}
			case d < 1.18 && py > body.top:
				return paintwork.times(0.35)
			}
		}
		if windows(px, py) < 0 && math.Abs(px-at(-0.10)) > long*0.012 {
			return glass.times(0.8 + 1.2*smooth(0.1, 0, math.Abs((px-x)/long+(py-roof)/long-0.05)))
		}
		up := (body.bottom - py) / (body.bottom - body.top)
		c := paintwork.times(0.55 + 0.5*smooth(0, 0.8, up))
		c = c.to(colour{1, 1, 1}, 0.35*math.Exp(-sq((up-0.75)/0.10)))
		if math.Abs(px-at(0.47)) < long*0.025 && up > 0.45 && up < 0.8 {
			return colour{0.98, 0.95, 0.75} // lamp
		}
		return c
	})
}

// balloon hangs in the sky: an envelope of coloured gores, ropes and a basket.
func (s *scene) balloon() {
	r := s.between(0.04, 0.12)
	x, y := s.between(0, s.aspect), s.between(0.05, max(s.horizon-2.2*r, 0.06))
	a, b := s.pick(lacquer), s.pick(lacquer)
	gores := s.between(3, 6)
	neck, basket := y+1.35*r, box{x - 0.17*r, y + 1.62*r, x + 0.17*r, y + 1.88*r}
	envelope := union(ellipse(x, y, r, r), polygon([2]float64{x - 0.80*r, y + 0.6*r}, [2]float64{x + 0.80*r, y + 0.6*r}, [2]float64{x + 0.22*r, neck}, [2]float64{x - 0.22*r, neck}))
	rope := func(px, py float64) float64 {
		if py < neck-0.02*r || py > basket.top+0.02*r {
			return 1
		}
		return math.Abs(math.Abs(px-x)-0.17*r) - 0.03*r
	}
	s.paint(balloon, box{x - r, y - r, x + r, basket.bottom}, union(envelope, slab(basket, 0.02*r), rope), func(px, py float64) colour {
		if py > neck {
			return colour{0.36, 0.24, 0.14}.times(0.8 + 0.4*math.Abs(math.Sin(py/r*22)))
		}
		// The gores meet at the top and at the neck.
		half := math.Sqrt(max(1-sq(min(max((py-y)/r, -0.99), 0.8)), 0.02))
		across := min(max((px-x)/r/half, -1), 1)
		c := a
		if gore := math.Asin(across) * gores / math.Pi * 2; math.Mod(math.Floor(gore+100), 2) == 0 {
			c = b
		}
		return c.times(0.80 + 0.30*across*s.sun - 0.22*(py-y)/r)
	})
}

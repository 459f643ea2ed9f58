package synthetic

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"image"
	"math"
	"math/rand/v2"
	"slices"
)

// Render makes picture index of the series that seed begins, and its labels [height × width], row after row. Both are
// functions of the arguments. The scene fits any size: it is laid out in heights of the picture.
func Render(seed uint64, index, height, width int) (*image.RGBA, []uint8) {
	key := binary.LittleEndian.AppendUint64([]byte("autodeeplab synthetic\x00"), seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(index))
	s := &scene{
		Rand:   rand.New(rand.NewChaCha8(sha256.Sum256(key))),
		canvas: newCanvas(height, width),
		aspect: float64(width) / float64(height),
	}
	s.light()
	s.sky()
	if s.Float64() < 0.75 {
		s.mountains()
	}
	for range s.IntN(3) {
		s.balloon()
	}
	s.meadow()
	if s.Float64() < 0.55 {
		s.lake()
	}
	s.hasRoad = s.Float64() < 0.75
	if s.hasRoad {
		s.road()
	}
	s.things()
	s.develop()
	return s.image(), s.labels
}

// scene is a landscape under way: its random numbers, and what its parts must know of each other.
type scene struct {
	*rand.Rand
	*canvas
	aspect                      float64
	horizon                     float64 // y
	sun                         float64 // −1, from the left, or 1
	tint                        colour  // of the light
	high, low                   colour  // of the sky, at the top and at the horizon
	hasRoad                     bool
	roadTop, roadFoot, roadHalf float64 // x at the horizon, x at the bottom, half its width there
}

func (s *scene) between(a, b float64) float64 { return a + (b-a)*s.Float64() }

func (s *scene) noise() noise { return noise(s.Uint32()) }

// pick takes one of several colours, a little changed.
func (s *scene) pick(from []colour) colour {
	c := from[s.IntN(len(from))].times(s.between(0.85, 1.15))
	for k := range c {
		c[k] += s.between(-0.04, 0.04)
	}
	return c
}

// Colours that several classes share, which is what keeps colour from being enough.
var (
	airs = [][2]colour{ // the sky's top and horizon
		{{0.25, 0.48, 0.80}, {0.75, 0.86, 0.95}}, {{0.45, 0.62, 0.82}, {0.90, 0.90, 0.86}},
		{{0.55, 0.58, 0.62}, {0.78, 0.79, 0.80}}, {{0.38, 0.36, 0.56}, {0.95, 0.68, 0.48}}, {{0.30, 0.55, 0.62}, {0.86, 0.88, 0.76}},
	}
	plants  = []colour{{0.30, 0.48, 0.16}, {0.20, 0.38, 0.16}, {0.52, 0.55, 0.20}, {0.62, 0.52, 0.24}, {0.58, 0.36, 0.16}, {0.40, 0.50, 0.32}}
	stones  = []colour{{0.50, 0.50, 0.50}, {0.62, 0.58, 0.52}, {0.55, 0.42, 0.34}, {0.42, 0.44, 0.48}, {0.70, 0.66, 0.58}}
	walls   = append([]colour{{0.66, 0.34, 0.26}, {0.85, 0.80, 0.68}, {0.48, 0.58, 0.66}}, stones...)
	lacquer = []colour{{0.80, 0.14, 0.12}, {0.12, 0.30, 0.66}, {0.90, 0.72, 0.12}, {0.90, 0.90, 0.90}, {0.16, 0.48, 0.30}, {0.85, 0.42, 0.10}, {0.35, 0.35, 0.38}, {0.46, 0.20, 0.50}}
)

// light draws what holds for the whole picture.
func (s *scene) light() {
	s.horizon = s.between(0.36, 0.56)
	s.sun = float64(2*s.IntN(2) - 1)
	warm := s.between(-0.10, 0.12)
	bright := s.between(0.88, 1.20)
	s.tint = colour{bright * (1 + warm), bright, bright * (1 - warm)}
	air := airs[s.IntN(len(airs))]
	s.high, s.low = s.pick(air[:1]), s.pick(air[1:])
}

func (s *scene) sky() {
	n, scale, cover := s.noise(), s.between(2, 5), s.between(0.40, 0.75)
	white := s.low.to(colour{1, 1, 1}, 0.7)
	s.paint(sky, box{0, 0, s.aspect, 1}, func(x, y float64) float64 { return -1 }, func(x, y float64) colour {
		if y > s.horizon+0.02 {
			return s.low // it will be painted over
		}
		c := s.high.to(s.low, min(y/s.horizon, 1))
		// Clouds lie flatter and denser towards the horizon, and are darker below.
		up := 1 / (0.25 + s.horizon - y)
		cloud := n.layers(4, x*scale, scale*0.9*up)
		under := n.layers(2, x*scale, scale*0.9*up-0.25)
		return c.to(white.times(1-0.35*smooth(0.3, 0.8, under)), 0.85*smooth(cover, cover+0.22, cloud))
	})
}

func (s *scene) mountains() {
	for range 1 + s.IntN(2) {
		ridge, rock := s.noise(), s.noise()
		tall, wide := s.between(0.08, 0.26), s.between(1.2, 3)
		base := s.pick(stones).to(s.pick(plants), s.between(0, 0.5))
		snow, haze := s.between(0.1, 0.4), s.between(0.15, 0.45)
		top := func(x float64) float64 {
			return s.horizon - tall*(1-math.Abs(2*ridge.layers(4, x*wide, 0)-1)*1.2)
		}
		s.paint(mountain, box{0, s.horizon - tall - 0.05, s.aspect, s.horizon + 0.03}, func(x, y float64) float64 {
			return (top(x) - y) * 0.8
		}, func(x, y float64) colour {
			fold := func(x, y float64) float64 { return math.Abs(2*rock.layers(4, x*9, y*14) - 1) }
			slope := (fold(x+s.sun*0.012, y) - fold(x-s.sun*0.012, y)) * 2.2
			c := base.times(0.85 + min(max(slope, -0.45), 0.5))
			above := (s.horizon - y) / 0.26
			c = c.to(colour{0.95, 0.96, 0.98}, 0.8*smooth(1-snow, 1.25-snow, above+0.35*(fold(x, y)-0.4)))
			return c.to(s.low, haze)
		})
	}
}

// depth is 0 at the horizon and 1 at the picture's foot.
func (s *scene) depth(y float64) float64 { return min(max((y-s.horizon)/(1-s.horizon), 0), 1) }

func (s *scene) meadow() {
	n, patches, bend := s.noise(), s.noise(), s.noise()
	a, b := s.pick(plants), s.pick(plants)
	s.paint(meadow, box{0, s.horizon - 0.03, s.aspect, 1}, func(x, y float64) float64 {
		return s.horizon + 0.03*(bend.layers(2, x*2, 0)-0.5) - y
	}, func(x, y float64) colour {
		// Blades are upright streaks, coarser the nearer they are.
		near := 0.12 + s.depth(y)
		u := (x - s.aspect/2) / near
		blades := n.layers(2, u*34, 8/near+y*20/near)
		c := a.to(b, smooth(0.35, 0.65, patches.layers(3, u*1.5, 3/near)))
		c = c.times(0.62 + 0.76*blades)
		return c.to(s.low, 0.45*(1-smooth(0, 0.35, s.depth(y))))
	})
}

func (s *scene) lake() {
	n := s.noise()
	x0, rx := s.between(0, s.aspect), s.between(0.35, 0.9)
	y0 := s.horizon + (1-s.horizon)*s.between(0.15, 0.75)
	ry := (y0 - s.horizon) * s.between(0.4, 0.85)
	shore := s.noise()
	body := s.high.to(s.low, 0.4).to(colour{0.10, 0.22, 0.30}, s.between(0.15, 0.5))
	edge := func(x, y float64) float64 {
		wobble := 1 + 0.25*(shore.layers(2, x*5, y*11)-0.5)
		return (math.Hypot((x-x0)/rx, (y-y0)/ry) - wobble) * min(rx, ry)
	}
	s.paint(water, box{x0 - 1.2*rx, y0 - 1.2*ry, x0 + 1.2*rx, y0 + 1.2*ry}, edge, func(x, y float64) colour {
		near := 0.10 + s.depth(y)
		ripple := n.layers(3, (x-s.aspect/2)/near*5, 9/near+y*30)
		c := body.to(s.low, 0.5*(1-s.depth(y)))
		c = c.times(0.80 + 0.40*ripple)
		c = c.to(s.low.to(colour{1, 1, 1}, 0.5), 0.75*smooth(0.60, 0.78, ripple))
		return c.times(0.75 + 0.25*smooth(0, 0.02, -edge(x, y))) // the bank's shadow
	})
}

func (s *scene) road() {
	s.roadTop = s.aspect * s.between(0.2, 0.8)
	s.roadFoot = s.aspect * s.between(0.1, 0.9)
	s.roadHalf = s.between(0.28, 0.5)
	grain := s.noise()
	base := s.pick(stones).times(0.8)
	marked := s.Float64() < 0.7
	s.paint(road, box{0, s.horizon, s.aspect, 1}, func(x, y float64) float64 {
		if y < s.horizon+0.012 {
			return s.horizon + 0.012 - y
		}
		return math.Abs(x-s.roadX(y)) - s.roadWide(y)
	}, func(x, y float64) colour {
		across, near := (x-s.roadX(y))/s.roadWide(y), 0.05+s.depth(y)
		c := base.times(0.88 + 0.24*grain.layers(2, across*60*near+40, y*90))
		c = c.times(1 - 0.14*math.Exp(-sq((math.Abs(across)-0.5)/0.16))) // tyre tracks
		if !marked {
			return c
		}
		dash := math.Sin(14/near) > -0.1 && math.Abs(across) < 0.035
		if dash || math.Abs(math.Abs(across)-0.92) < 0.025 {
			return c.to(colour{0.93, 0.92, 0.86}, 0.8)
		}
		return c
	})
}

func sq(v float64) float64 { return v * v }

// roadX is the middle of the road at a height, roadWide half its width.
func (s *scene) roadX(y float64) float64 {
	d := s.depth(y)
	return s.roadTop + (s.roadFoot-s.roadTop)*math.Pow(d, 1.3)
}

func (s *scene) roadWide(y float64) float64 { return s.roadHalf * (0.015 + s.depth(y)) }

// things puts up what stands on the ground, the far ones first, so that the near ones hide them.
func (s *scene) things() {
	type thing struct {
		foot float64
		draw func()
	}
	var all []thing
	for range 1 + s.IntN(4) {
		foot := s.horizon + (1-s.horizon)*s.between(0.03, 0.35)
		x := s.beside(foot)
		all = append(all, thing{foot, func() { s.house(x, foot) }})
	}
	for range 2 + s.IntN(6) {
		foot := s.horizon + (1-s.horizon)*s.between(0.03, 0.75)
		x := s.beside(foot)
		all = append(all, thing{foot, func() { s.tree(x, foot) }})
	}
	if s.hasRoad {
		for range 1 + s.IntN(3) {
			foot := s.horizon + (1-s.horizon)*s.between(0.22, 0.95)
			lane := s.between(0.3, 0.55) * float64(2*s.IntN(2)-1)
			all = append(all, thing{foot, func() { s.car(s.roadX(foot)+lane*s.roadWide(foot), foot) }})
		}
	}
	slices.SortStableFunc(all, func(a, b thing) int { return cmp.Compare(a.foot, b.foot) })
	for _, t := range all {
		t.draw()
	}
}

// beside draws an x where there is meadow at that height, if there is any.
func (s *scene) beside(y float64) float64 {
	row := int(y * float64(s.height))
	for range 30 {
		x := s.between(0, s.aspect)
		if s.labels[row*s.width+int(x*float64(s.height))] == meadow {
			return x
		}
	}
	return s.between(0, s.aspect)
}

// develop does what a camera does: the light's tint, darker corners, noise.
func (s *scene) develop() {
	grain := s.between(0.008, 0.03)
	s.each(box{0, 0, s.aspect, 1}, func(i int, x, y float64) {
		corner := 1 - 0.18*(sq(x/s.aspect-0.5)+sq(y-0.5))*2
		// The sum of a few uniform numbers is nearly a normal one.
		bits := s.Uint64()
		for k := range s.pix[i] {
			sum := float64(bits&127) + float64(bits>>7&127) + float64(bits>>14&127) - 190.5
			s.pix[i][k] = s.pix[i][k]*s.tint[k]*corner + grain*sum/63.5
			bits >>= 21
		}
	})
}

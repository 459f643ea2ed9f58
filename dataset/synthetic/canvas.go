package synthetic

import (
	"image"
	"math"
)

// Positions and lengths are in heights of the picture: y runs from 0 at the top to 1, x from 0 to the aspect.

// colour is red, green and blue, 0 to 1.
type colour [3]float64

func (c colour) times(f float64) colour { return colour{c[0] * f, c[1] * f, c[2] * f} }

// to mixes c with share s of d.
func (c colour) to(d colour, s float64) colour {
	return colour{c[0] + (d[0]-c[0])*s, c[1] + (d[1]-c[1])*s, c[2] + (d[2]-c[2])*s}
}

// canvas is a picture and its labels under way, painted from back to front.
type canvas struct {
	height, width int
	pix           []colour
	labels        []uint8
}

func newCanvas(height, width int) *canvas {
	return &canvas{height: height, width: width, pix: make([]colour, height*width), labels: make([]uint8, height*width)}
}

// box is a region that a shape lies in.
type box struct{ left, top, right, bottom float64 }

// each calls f with the index and the place of the centre of each pixel that b touches.
func (c *canvas) each(b box, f func(i int, x, y float64)) {
	size := float64(c.height)
	pixel := func(v float64, most int) int { return int(min(max(v*size, 0), float64(most))) }
	for row := pixel(b.top-1/size, c.height); row < pixel(b.bottom+2/size, c.height); row++ {
		for column := pixel(b.left-1/size, c.width); column < pixel(b.right+2/size, c.width); column++ {
			f(row*c.width+column, (float64(column)+0.5)/size, (float64(row)+0.5)/size)
		}
	}
}

// shape gives the distance to a shape's border, negative inside. It need be no more than about right away from there.
type shape func(x, y float64) float64

// paint puts a shape on top of what is there. A pixel's label is that of the shape in which its centre lies; its colour is
// mixed over one pixel's width at the border.
func (c *canvas) paint(class uint8, b box, s shape, texture func(x, y float64) colour) {
	size := float64(c.height)
	c.each(b, func(i int, x, y float64) {
		d := s(x, y) * size
		if d >= 0.5 {
			return
		}
		c.pix[i] = c.pix[i].to(texture(x, y), min(0.5-d, 1))
		if d < 0 {
			c.labels[i] = class
		}
	})
}

// shade darkens what is there in a soft ellipse, as under a car; labels stay.
func (c *canvas) shade(x0, y0, rx, ry, strength float64) {
	c.each(box{x0 - rx, y0 - ry, x0 + rx, y0 + ry}, func(i int, x, y float64) {
		d := math.Hypot((x-x0)/rx, (y-y0)/ry)
		c.pix[i] = c.pix[i].times(1 - strength*(1-smooth(0.3, 1, d)))
	})
}

// image makes the picture of 8 bits.
func (c *canvas) image() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, c.width, c.height))
	for i, p := range c.pix {
		for k, v := range p {
			m.Pix[4*i+k] = uint8(min(max(v, 0), 1)*255 + 0.5)
		}
		m.Pix[4*i+3] = 255
	}
	return m
}

// smooth is 0 up to a, 1 from b on, and a smooth rise between.
func smooth(a, b, v float64) float64 {
	t := min(max((v-a)/(b-a), 0), 1)
	return t * t * (3 - 2*t)
}

func ellipse(x0, y0, rx, ry float64) shape {
	return func(x, y float64) float64 { return (math.Hypot((x-x0)/rx, (y-y0)/ry) - 1) * min(rx, ry) }
}

// slab is a rectangle with rounded corners.
func slab(b box, radius float64) shape {
	cx, cy := (b.left+b.right)/2, (b.top+b.bottom)/2
	hw, hh := (b.right-b.left)/2-radius, (b.bottom-b.top)/2-radius
	return func(x, y float64) float64 {
		dx, dy := math.Abs(x-cx)-hw, math.Abs(y-cy)-hh
		return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - radius
	}
}

// polygon takes convex corners, clockwise on the screen.
func polygon(corners ...[2]float64) shape {
	return func(x, y float64) float64 {
		d := math.Inf(-1)
		for i, p := range corners {
			q := corners[(i+1)%len(corners)]
			ex, ey := q[0]-p[0], q[1]-p[1]
			d = max(d, ((x-p[0])*ey-(y-p[1])*ex)/math.Hypot(ex, ey))
		}
		return d
	}
}

func union(shapes ...shape) shape {
	return func(x, y float64) float64 {
		d := math.Inf(1)
		for _, s := range shapes {
			d = min(d, s(x, y))
		}
		return d
	}
}

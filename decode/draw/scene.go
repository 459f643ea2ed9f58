package draw

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
)

// A figure is laid out with the origin at the top left and y pointing down; items turn it over for vg, whose y points
// up, when they are drawn.

type point struct{ x, y float64 }

func (p point) vg(height float64) vg.Point {
	return vg.Point{X: vg.Length(p.x), Y: vg.Length(height - p.y)}
}

// rect is the area x0 ≤ x ≤ x1, y0 ≤ y ≤ y1.
type rect struct{ x0, y0, x1, y1 float64 }

func (r rect) center() point { return point{(r.x0 + r.x1) / 2, (r.y0 + r.y1) / 2} }

// path is the outline of r, corners rounded.
func (r rect) path(height, radius float64) vg.Path {
	at := func(x, y float64) vg.Point { return point{x, y}.vg(height) }
	var p vg.Path
	if radius == 0 {
		p.Move(at(r.x0, r.y0))
		p.Line(at(r.x1, r.y0))
		p.Line(at(r.x1, r.y1))
		p.Line(at(r.x0, r.y1))
		p.Close()
		return p
	}
	k := radius * (1 - circleControl)
	p.Move(at(r.x0+radius, r.y0))
	p.Line(at(r.x1-radius, r.y0))
	p.CubeTo(at(r.x1-k, r.y0), at(r.x1, r.y0+k), at(r.x1, r.y0+radius))
	p.Line(at(r.x1, r.y1-radius))
	p.CubeTo(at(r.x1, r.y1-k), at(r.x1-k, r.y1), at(r.x1-radius, r.y1))
	p.Line(at(r.x0+radius, r.y1))
	p.CubeTo(at(r.x0+k, r.y1), at(r.x0, r.y1-k), at(r.x0, r.y1-radius))
	p.Line(at(r.x0, r.y0+radius))
	p.CubeTo(at(r.x0, r.y0+k), at(r.x0+k, r.y0), at(r.x0+radius, r.y0))
	p.Close()
	return p
}

// circleControl is the distance of the control points of a cubic that stands for a quarter of a unit circle.
const circleControl = 0.5522847498

// item is one thing drawn. scale multiplies all its lengths.
type item interface {
	draw(c vg.Canvas, height float64)
	scale(k float64) item
}

// box is a filled and outlined rectangle; with radius half its side, a circle.
type box struct {
	rect
	radius       float64
	fill, stroke color.Color // nil for none
	lineWidth    float64
	// solid boxes are those that lines may only touch, not cross; the others lie behind.
	solid bool
}

func (b box) draw(c vg.Canvas, height float64) {
	p := b.path(height, b.radius)
	if b.fill != nil {
		c.SetColor(b.fill)
		c.Fill(p)
	}
	if b.stroke != nil {
		c.SetColor(b.stroke)
		c.SetLineWidth(vg.Length(b.lineWidth))
		c.Stroke(p)
	}
}

func (b box) scale(k float64) item {
	b.rect = rect{b.x0 * k, b.y0 * k, b.x1 * k, b.y1 * k}
	b.radius *= k
	b.lineWidth *= k
	return b
}

func circle(at point, r float64) box {
	return box{rect: rect{at.x - r, at.y - r, at.x + r, at.y + r}, radius: r, solid: true}
}

// curve is a chain of cubics: one point, then three a cubic. A head is an arrow at its end.
type curve struct {
	points    []point
	color     color.Color
	lineWidth float64
	head      bool
}

// line returns the straight curve from a to b.
func line(a, b point) curve { return curve{points: segment([]point{a}, b)} }

// segment appends a straight piece, or nothing where it would have no length: the end of a curve has a direction.
func segment(points []point, to point) []point {
	from := points[len(points)-1]
	if from == to {
		return points
	}
	return append(points,
		point{from.x + (to.x-from.x)/3, from.y + (to.y-from.y)/3},
		point{to.x - (to.x-from.x)/3, to.y - (to.y-from.y)/3}, to)
}

// bend appends a piece that leaves and arrives horizontally.
func bend(points []point, to point) []point {
	from := points[len(points)-1]
	if from.y == to.y {
		return segment(points, to)
	}
	mid := (from.x + to.x) / 2
	return append(points, point{mid, from.y}, point{mid, to.y}, to)
}

// headSize is the length of the arrow and half its breadth, for lines of any width.
func (s curve) headSize() (length, half float64) { return 3 + 2.2*s.lineWidth, 1.6 + 1.1*s.lineWidth }

func (s curve) draw(c vg.Canvas, height float64) {
	points := s.points
	n := len(points)
	c.SetColor(s.color)
	if s.head {
		// The head points along the end's direction; the line stops inside it, so that its butt does not show.
		tip, before := points[n-1], points[n-2]
		dx, dy := tip.x-before.x, tip.y-before.y
		d := math.Hypot(dx, dy)
		dx, dy = dx/d, dy/d
		length, half := s.headSize()
		base := point{tip.x - length*dx, tip.y - length*dy}
		var p vg.Path
		p.Move(tip.vg(height))
		p.Line(point{base.x - half*dy, base.y + half*dx}.vg(height))
		p.Line(point{base.x + half*dy, base.y - half*dx}.vg(height))
		p.Close()
		c.Fill(p)
		in := math.Min(0.7*length, 0.9*d)
		points = append(append([]point(nil), points[:n-1]...), point{tip.x - in*dx, tip.y - in*dy})
	}
	var p vg.Path
	p.Move(points[0].vg(height))
	for i := 1; i+2 < len(points); i += 3 {
		p.CubeTo(points[i].vg(height), points[i+1].vg(height), points[i+2].vg(height))
	}
	c.SetLineWidth(vg.Length(s.lineWidth))
	c.Stroke(p)
}

func (s curve) scale(k float64) item {
	points := make([]point, len(s.points))
	for i, p := range s.points {
		points[i] = point{p.x * k, p.y * k}
	}
	s.points = points
	s.lineWidth *= k
	return s
}

// scene collects the items of a figure in the order of drawing: what is added later lies above.
type scene struct{ items []item }

func (s *scene) add(items ...item) { s.items = append(s.items, items...) }

func (s *scene) scaled(k float64) []item {
	items := make([]item, len(s.items))
	for i, it := range s.items {
		items[i] = it.scale(k)
	}
	return items
}

func rgb(hex uint32) color.Color {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

var (
	white = rgb(0xffffff)
	ink   = rgb(0x1d2733) // text and what matters
	muted = rgb(0x66707c) // secondary text
	faint = rgb(0xd3d8de) // what was possible but not chosen
)

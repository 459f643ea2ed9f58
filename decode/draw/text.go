package draw

import (
	"errors"
	"image/color"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansitalic"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/vg"
)

// face is one of the fonts that ship with gonum's plot.
type face struct {
	font func() *sfnt.Font
}

var (
	regular = &face{parse(liberationsansregular.TTF)}
	bold    = &face{parse(liberationsansbold.TTF)}
	italic  = &face{parse(liberationsansitalic.TTF)}
)

// parse puts off reading a font until the first figure is drawn: most commands draw none.
func parse(ttf []byte) func() *sfnt.Font {
	return sync.OnceValue(func() *sfnt.Font {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			panic(err) // the font is compiled in
		}
		return f
	})
}

// run is a piece of text in one face and size. rise lifts its baseline: a superscript.
type run struct {
	text string
	face *face
	size float64
	rise float64
}

func (r run) width() float64 { return r.glyphs(func(sfnt.GlyphIndex, float64) {}) }

// Text is drawn as shapes, not as <text> or with a rasteriser's font face, for three reasons: SVG viewers have other
// fonts of other widths, gonum's image canvas puts glyphs at whole pixels, and both would then differ from what is
// measured here.

// glyphs calls each for every glyph with its x in points from the start, kerned, and returns the width of all.
func (r run) glyphs(each func(g sfnt.GlyphIndex, x float64)) float64 {
	f := r.face.font()
	var buf sfnt.Buffer
	upem := float64(f.UnitsPerEm())
	ppem := fixed.Int26_6(f.UnitsPerEm()) // so that one 64th of a pixel is one unit of the font
	scale := r.size / upem
	var x float64
	var prev sfnt.GlyphIndex
	for i, c := range r.text {
		g, err := f.GlyphIndex(&buf, c) // 0, the box of the missing glyph, for what the font lacks
		if err != nil {
			panic(err) // only a broken font gives one, here and below; the fonts are compiled in
		}
		if i > 0 {
			k, err := f.Kern(&buf, prev, g, ppem, font.HintingNone)
			if err != nil && !errors.Is(err, sfnt.ErrNotFound) {
				panic(err)
			}
			x += float64(k) * scale
		}
		each(g, x)
		advance, err := f.GlyphAdvance(&buf, g, ppem, font.HintingNone)
		if err != nil {
			panic(err)
		}
		x += float64(advance) * scale
		prev = g
	}
	return x
}

// outline returns the filled shape of r, starting at the given point of the baseline.
func (r run) outline(at point, height float64) vg.Path {
	f := r.face.font()
	var buf sfnt.Buffer
	ppem := fixed.Int26_6(f.UnitsPerEm())
	scale := r.size / float64(ppem)
	var p vg.Path
	r.glyphs(func(g sfnt.GlyphIndex, x float64) {
		segments, err := f.LoadGlyph(&buf, g, ppem, nil)
		if err != nil {
			panic(err)
		}
		pt := func(q fixed.Point26_6) vg.Point {
			return point{at.x + x + float64(q.X)*scale, at.y - r.rise + float64(q.Y)*scale}.vg(height)
		}
		// The font's y points down, as the layout's does; an outline's parts are closed without saying so.
		for i, s := range segments {
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				if i > 0 {
					p.Close()
				}
				p.Move(pt(s.Args[0]))
			case sfnt.SegmentOpLineTo:
				p.Line(pt(s.Args[0]))
			case sfnt.SegmentOpQuadTo:
				p.QuadTo(pt(s.Args[0]), pt(s.Args[1]))
			case sfnt.SegmentOpCubeTo:
				p.CubeTo(pt(s.Args[0]), pt(s.Args[1]), pt(s.Args[2]))
			}
		}
		if len(segments) > 0 {
			p.Close()
		}
	})
	return p
}

// label is a line of text. at is the left end of its baseline.
type label struct {
	runs  []run
	at    point
	color color.Color
}

// Parts of the em that letters of the Liberation fonts reach above and below the baseline, accents and all. A test
// compares them with the outlines.
const (
	ascent    = 0.91
	descent   = 0.23
	capHeight = 0.73 // of H and of digits: what the eye centres by
)

func (l label) width() float64 {
	var w float64
	for _, r := range l.runs {
		w += r.width()
	}
	return w
}

// bounds is the room that the text takes.
func (l label) bounds() rect {
	b := rect{l.at.x, l.at.y, l.at.x + l.width(), l.at.y}
	for _, r := range l.runs {
		b.y0 = min(b.y0, l.at.y-r.rise-ascent*r.size)
		b.y1 = max(b.y1, l.at.y-r.rise+descent*r.size)
	}
	return b
}

// text is what the label says.
func (l label) text() string {
	var s string
	for _, r := range l.runs {
		s += r.text
	}
	return s
}

func (l label) draw(c vg.Canvas, height float64) {
	c.SetColor(l.color)
	at := l.at
	for _, r := range l.runs {
		if p := r.outline(at, height); len(p) > 0 {
			c.Fill(p)
		}
		at.x += r.width()
	}
}

func (l label) scale(k float64) item {
	runs := make([]run, len(l.runs))
	for i, r := range l.runs {
		r.size *= k
		r.rise *= k
		runs[i] = r
	}
	l.runs = runs
	l.at = point{l.at.x * k, l.at.y * k}
	return l
}

// text returns a label whose baseline starts at p.
func text(f *face, size float64, c color.Color, p point, s string) label {
	return label{runs: []run{{text: s, face: f, size: size}}, at: p, color: c}
}

// centered moves l so that its capitals are centred on p.
func (l label) centered(p point) label {
	l.at = point{p.x - l.width()/2, p.y + capHeight*l.runs[0].size/2}
	return l
}

// rightAligned moves l so that its capitals end at p and are centred on its height.
func (l label) rightAligned(p point) label {
	l.at = point{p.x - l.width(), p.y + capHeight*l.runs[0].size/2}
	return l
}

// fitted cuts s with an ellipsis to at most the given width.
func fitted(f *face, size, width float64, s string) string {
	if (run{text: s, face: f, size: size}).width() <= width {
		return s
	}
	runes := []rune(s)
	for n := len(runes) - 1; n > 0; n-- {
		cut := string(runes[:n]) + "…"
		if (run{text: cut, face: f, size: size}).width() <= width {
			return cut
		}
	}
	return "…"
}

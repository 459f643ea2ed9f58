package searchpage_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"autodeeplab/decode"
	"autodeeplab/internal/searchpage"
)

// TestEvents compares an event file with the one that testdata/events.py makes.
func TestEvents(t *testing.T) {
	want, err := os.ReadFile("testdata/events.golden")
	if err != nil {
		t.Fatal(err)
	}
	at := func(ms int64) time.Time { return time.UnixMilli(1700000000000 + ms) }
	var b bytes.Buffer
	e, err := searchpage.NewEvents(&b, at(500))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Scalar(at(1250), 1, "epoch/loss", 0.75), e.Scalar(at(2000), 300, "step/rate", 0.025)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("wrote\n%x\nwant\n%x", b.Bytes(), want)
	}
}

func newPage(t *testing.T) *searchpage.Page {
	t.Helper()
	r := decode.OneHot(decode.Published())
	for i := range r.Alpha {
		r.Alpha[i] /= 10
	}
	for i := range r.Beta {
		r.Beta[i] /= 20
	}
	d, err := r.Decode(decode.DecodeOptions{Top: 3, Name: "found"})
	if err != nil {
		t.Fatal(err)
	}
	return &searchpage.Page{
		Title: "A <script> & \"search\"", Options: []searchpage.Option{{Name: "--seed", Value: "<1>"}}, Warnings: []string{"be < careful"},
		Charts: []searchpage.Chart{
			{Title: "Loss", Unit: "a < b", Curves: []searchpage.Curve{{Name: "half <A>", X: []float64{1, 2, 3}, Y: []float64{2, math.NaN(), 0.5}}}},
			{Title: "Nothing", Curves: []searchpage.Curve{{Name: "none", X: []float64{1}, Y: []float64{math.NaN()}}}},
			{Title: "One point", Curves: []searchpage.Curve{{Name: "point", X: []float64{1}, Y: []float64{7}}}},
		},
		Relaxation: r, Decoding: d,
	}
}

func html(t *testing.T, p *searchpage.Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	text := html(t, newPage(t))
	if text != html(t, newPage(t)) {
		t.Error("the same page gives other bytes")
	}
	for _, want := range []string{"A &lt;script&gt; &amp; &#34;search&#34;", "&lt;1&gt;", "be &lt; careful", "half &lt;A&gt;", "a &lt; b",
		"1/4 1/4 1/4 1/8 1/16 1/8 1/16 1/16 1/32 1/32 1/16 1/8", "block 4 ← block 3", "sep_conv_5x5"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"Nothing", "<script>", "http://", "https://", "ZgotmplZ", "NaN"} {
		if strings.Contains(strings.ReplaceAll(text, "http://www.w3.org/", ""), not) {
			t.Errorf("the page has %q", not)
		}
	}
	if n := strings.Count(text, `class="move chosen"`); n != 12 {
		t.Errorf("%d moves of the trellis are marked, want 12", n)
	}
	if n := strings.Count(text, `class="chosen"`); n != 10 {
		t.Errorf("%d operators are marked, want 10", n)
	}
	svgs := 0
	for rest := text; ; svgs++ {
		start := strings.Index(rest, "<svg")
		if start < 0 {
			break
		}
		end := start + strings.Index(rest[start:], "</svg>") + len("</svg>")
		d := xml.NewDecoder(strings.NewReader(rest[start:end]))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("figure %d is not well-formed: %v", svgs, err)
			}
		}
		rest = rest[end:]
	}
	if svgs != 4 { // two charts, the trellis and the cell
		t.Errorf("%d figures, want 4", svgs)
	}
}

package dataset

import "fmt"

// mistakes guesses at what is behind the findings where the whole set looks like one of the well-known slips of making
// labels, and says what to do about it.
func (r *Report) mistakes(s *Set, all []Sample, results []examined) {
	hint := func(text string) {
		r.Findings = append(r.Findings, Finding{Kind: "mistake", File: s.Dir, Text: text})
	}
	var values [256]int64
	read, colours, plain := 0, 0, true
	for i, e := range results {
		if e.truecolor {
			colours++
		}
		if e.read {
			read++
			plain = plain && all[i].scheme == asClasses
			for v, n := range e.values {
				values[v] += int64(n)
			}
		}
	}
	if colours > 0 {
		hint(fmt.Sprintf("%d label files are pictures in colours: save the classes' ids as 8-bit grey values or palette indices; where classes.json gives a palette, labels in exactly these colours are read too", colours))
	}
	if read == 0 || !plain {
		return
	}
	least, most, used := -1, -1, 0
	for v, n := range values {
		if n == 0 || v == int(s.Classes.IgnoreLabel) || v == Ignore {
			continue
		}
		if least < 0 {
			least = v
		}
		most = v
		used++
	}
	n := s.Classes.Len()
	switch {
	case used == 1 && least == 0 && values[255] > 0:
		hint("the labels hold nothing but 0 and 255: a mask of black and white. 255 is ignored, so that one class is left and nothing can be learnt: write 1 where it is white")
	case most == n && values[0] == 0:
		hint(fmt.Sprintf("the labels run from %d to %d, want 0 to %d: they count classes from 1. Subtract 1", least, n, n-1))
	case most == n:
		hint(fmt.Sprintf("the labels run from 0 to %d, want 0 to %d: if they count classes from 1, and 0 is what belongs to none (as in ADE20K), subtract 1 and write 255 for 0; if 0 is a class, classes.json lacks its name", n, n-1))
	case used > 0 && most > n && evenly(&values, most):
		hint("the labels are multiples of one number: grey values that were spread out to be seen. Divide by it")
	case used > 0 && least > 0 && most < n && r.Splits[0].Readable >= 10:
		hint(fmt.Sprintf("label 0 (%s) is in no file: do the labels count classes from 1?", s.Classes.ClassNames[0]))
	}
}

// evenly reports whether all values up to most are multiples of a number of 5 or more, which happens when ids are scaled to
// be seen on a screen.
func evenly(values *[256]int64, most int) bool {
	divisor := 0
	for v := 1; v <= most; v++ {
		if values[v] > 0 {
			divisor = gcd(divisor, v)
		}
	}
	return divisor >= 5 && divisor < most
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

package jsonsize

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true,
		"[" + strings.Repeat("1,", MaxElements-1) + "1]":       true,
		"[" + strings.Repeat("1,", MaxElements) + "1]":         false,
		strings.Repeat("[", MaxElements+1):                     false,
		`{"a":"` + strings.Repeat(`,\"`, 2*MaxElements) + `"}`: true, // in a text they are letters
		`{"a":"` + strings.Repeat(`,`, 2*MaxElements) + `\\"}`: true,
		`{"a":"\\"` + strings.Repeat(",", 2*MaxElements):       false,
		`{"a":"\"` + strings.Repeat(",", 2*MaxElements) + `"}`: true,
	} {
		if err := Check([]byte(text)); (err == nil) != ok {
			t.Errorf("%.20q, %d bytes: %v", text, len(text), err)
		}
	}
}

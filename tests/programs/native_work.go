// SPDX-License-Identifier: GPL-2.0-or-later
// Burns CPU in main.work, two thirds in main.(*Engine).turn, and sleeps in another goroutine.
package main

import (
	"fmt"
	"time"
)

type Engine struct{ sum uint64 }

//go:noinline
func (e *Engine) turn(n uint64) {
	for i := uint64(0); i < n; i++ {
		e.sum = e.sum*31 + i // FIND:turn
	}
}

//go:noinline
func work(e *Engine) {
	for i := uint64(0); i < 1000000; i++ {
		e.sum = e.sum*31 + i // FIND:work
	}
	e.turn(2000000) // FIND:call
}

func main() {
	go func() {
		for {
			time.Sleep(time.Millisecond)
		}
	}()
	fmt.Println("ready")
	e := &Engine{}
	for {
		work(e)
	}
}

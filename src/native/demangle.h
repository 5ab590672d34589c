/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a programmer calls a function: `ns::Foo::bar` for _ZN2ns3Foo3barEv, Rust paths without their
 * hash, plain names without what compilers and linkers append. Any thread.
 */
#ifndef NATIVE_DEMANGLE_H
#define NATIVE_DEMANGLE_H

#include "model/dictionary.h"

/* Owned by the caller, printable. *language is set where the mangling tells it and left alone
 * otherwise. 1 us. */
char *demangle(const char *symbol, enum language *language);
/* The same of a type's name as C++ type information holds it: "ns::Foo" for "N2ns3FooE".
 * Template arguments are all there: they tell types apart. */
char *demangle_type(const char *name);

#endif

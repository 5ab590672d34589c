## SPDX-License-Identifier: GPL-2.0-or-later
## What is installed beside the program. The unit goes where systemd looks for it (configure.ac).

EXTRA_DIST += data/proftop-recorder@.service.in
AM_DISTCHECK_CONFIGURE_FLAGS = --with-systemdsystemunitdir='$$dc_install_base/lib/systemd/system'

if SYSTEMD
systemdsystemunit_DATA = data/proftop-recorder@.service
endif
CLEANFILES += data/proftop-recorder@.service

data/proftop-recorder@.service: data/proftop-recorder@.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) data && \
	sed 's|@bindir[@]|$(bindir)|g' '$(srcdir)/data/proftop-recorder@.service.in' >$@.tmp && mv $@.tmp $@

# The one table that names all domains: NAME:PORT, the port of its workers' admin listener.
#
# A domain is the targets NAME (workers/NAME), NAME_store (with NAME_store.h, which declares `extern
# const struct domain_store NAME_store`) and NAME_migrations (mr_embed); and schemas/NAME. Everything
# that must know all domains is made of this table: millrace-worker's choice of stores, and the
# migrations that millracectl runs. Topics come from the schemas.
set(MR_DOMAINS
  billing:9181
  logging:9184
  reporting:9185)

# mr_domain_table(names lines FORMAT): the names of the domains that are being built (MR_ONLY may
# leave some out), and FORMAT once for each, with @name@ and @port@ replaced.
function(mr_domain_table names lines format)
  set(all)
  set(text)
  foreach(d ${MR_DOMAINS})
    string(REPLACE ":" ";" d ${d})
    list(GET d 0 name)
    list(GET d 1 port)
    if(TARGET ${name}_store AND TARGET ${name}_migrations)
      list(APPEND all ${name})
      string(CONFIGURE "${format}" line @ONLY)
      string(APPEND text "${line}\n")
    endif()
  endforeach()
  set(${names} ${all} PARENT_SCOPE)
  set(${lines} "${text}" PARENT_SCOPE)
endfunction()

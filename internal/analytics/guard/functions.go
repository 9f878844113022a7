package guard

import (
	"slices"
	"strings"
)

// The functions that a query may call. Each is a function of its arguments, or of
// the rows of its group or window, or gives the moment or chance. None reads a
// file, a setting, the environment, the catalog, a secret, the log or another
// query, none changes anything, none waits. A test holds the list against the
// functions that the engine has.
const (
	aggregateFunctions = `
any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_max_nulls_last arg_min
arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if
count_star countif covar_pop covar_samp entropy favg first fsum geomean geometric_mean group_concat histogram
histogram_exact kahan_sum kurtosis kurtosis_pop last list listagg mad max max_by mean median min min_by mode product
quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
regr_sxy regr_syy reservoir_quantile sem skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan
var_pop var_samp variance wavg weighted_avg`

	windowFunctions = `
cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number`

	numericFunctions = `
% & * ** + - / // << >> ^ @ ~ | !__postfix abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh
cot degrees divide even exp factorial fdiv floor fmod gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm
least least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi pow power radians random round round_even
roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor equi_width_bins`

	textFunctions = `
|| !~~ !~~* ~~ ~~* ~~~ ^@ ascii bar base64 bin bit_length char_length character_length chr concat concat_ws contains
damerau_levenshtein editdist3 encode decode ends_with format formatreadabledecimalsize formatreadablesize format_bytes
from_base64 from_binary from_hex hamming hash hex ilike_escape instr jaccard jaro_similarity jaro_winkler_similarity lcase left
left_grapheme len length length_grapheme levenshtein like_escape lower lpad ltrim md5 md5_number md5_number_lower
md5_number_upper mismatches nfc_normalize not_ilike_escape not_like_escape octet_length ord parse_dirname parse_dirpath
parse_filename parse_formatted_bytes parse_path position prefix printf regexp_escape regexp_extract regexp_extract_all
regexp_full_match regexp_matches regexp_replace regexp_split_to_array repeat replace reverse right right_grapheme rpad
rtrim sha1 sha256 split split_part starts_with str_split str_split_regex string_split string_split_regex string_to_array
strip_accents strlen strpos substr substring substring_grapheme suffix to_base to_base64 to_binary to_hex translate trim
ucase unbin unhex unicode upper url_decode url_encode`

	dateFunctions = `
age ago century current_date current_localtime current_localtimestamp date_add date_diff date_part date_sub date_trunc
datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms
epoch_ns epoch_us era get_current_time get_current_timestamp hour isodow isoyear julian last_day make_date make_time
make_timestamp make_timestamp_ms make_timestamptz microsecond millennium millisecond minute month monthname nanosecond
normalized_interval now quarter second strftime strptime time_bucket timezone timezone_hour timezone_minute to_centuries
to_days to_decades to_hours to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds
to_timestamp to_weeks to_years today transaction_timestamp try_strptime week weekday weekofyear year yearweek`

	jsonFunctions = `
->> array_to_json from_json from_json_strict json json_array json_array_length json_contains json_exists json_extract
json_extract_path json_extract_path_text json_extract_string json_group_array json_group_object json_group_structure
json_keys json_merge_patch json_object json_pretty json_quote json_structure json_transform json_transform_strict
json_type json_valid json_value row_to_json to_json`

	listFunctions = `
&& <-> <=> <@ @> aggregate apply array_aggr array_aggregate array_append array_apply array_cat array_concat array_contains
array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct array_dot_product
array_extract array_filter array_grade_up array_has array_has_all array_has_any array_indexof array_inner_product
array_intersect array_length array_negative_dot_product array_negative_inner_product array_pop_back array_pop_front
array_position array_prepend array_push_back array_push_front array_reduce array_resize array_reverse array_reverse_sort
array_select array_slice array_sort array_to_string array_to_string_comma_default array_transform array_unique
array_value array_where array_zip cardinality combine element_at filter flatten grade_up list_aggr list_aggregate
list_any_value list_append list_apply list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor
list_bool_and list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity list_count
list_distance list_distinct list_dot_product list_element list_entropy list_extract list_filter list_first list_grade_up
list_has list_has_all list_has_any list_histogram list_indexof list_inner_product list_intersect list_kurtosis
list_kurtosis_pop list_last list_mad list_max list_median list_min list_mode list_negative_dot_product
list_negative_inner_product list_pack list_position list_prepend list_product list_reduce list_resize list_reverse
list_reverse_sort list_select list_sem list_skewness list_slice list_sort list_stddev_pop list_stddev_samp
list_string_agg list_sum list_transform list_unique list_value list_var_pop list_var_samp list_where list_zip map
map_concat map_contains map_contains_entry map_contains_value map_entries map_extract map_extract_value map_from_entries
map_keys map_values reduce row struct_concat struct_contains struct_extract struct_extract_at struct_has struct_indexof
struct_insert struct_keys struct_pack struct_position struct_update struct_values`

	otherFunctions = `
alias constant_or_null gen_random_uuid generate_subscripts nullif switch typeof uuid uuid_extract_timestamp
uuid_extract_version uuidv4 uuidv7`
)

// More lists of the guard.
const (
	// pseudoFunctions are calls that the binder turns into nodes of other kinds.
	pseudoFunctions = "coalesce ifnull grouping grouping_id unpack try"

	// tableFunctions may stand in FROM; some of them elsewhere too.
	tableFunctions = "range generate_series unnest"

	// typeNames are what a value may be cast to.
	typeNames = `
null boolean bool logical tinyint int1 smallint int2 short integer int int4 signed bigint int8 long hugeint int128
utinyint uint8 usmallint uint16 uinteger uint32 ubigint uint64 uhugeint uint128 float float4 real double float8 decimal
dec numeric varchar char bpchar text string date time timestamp datetime timestamp_s timestamp_ms timestamp_us
timestamptz interval uuid guid json list array struct row map blob bytea varbinary binary
integer_literal string_literal sqlnull`

	collationNames = `
nocase noaccent nfc binary c posix icu_noaccent
af ar cs da de el en es et fi fr he hi hr hu id is it ja ko lt lv nb nl nn no pl pt ro ru sk sl sr sv th tr uk vi zh`
)

// lists are what a query may name, for looking up.
type lists struct {
	functions, tableFunctions, types, collations map[string]bool
}

func newLists() lists {
	return lists{
		functions: words(aggregateFunctions + windowFunctions + numericFunctions + textFunctions + dateFunctions +
			jsonFunctions + listFunctions + otherFunctions + " " + pseudoFunctions + " " + tableFunctions),
		tableFunctions: words(tableFunctions), types: words(typeNames), collations: words(collationNames),
	}
}

// FunctionGroups are the allowed functions by subject, each ascending, for the
// reference.
func FunctionGroups() [][2]string {
	groups := [][2]string{
		{"Aggregates", aggregateFunctions}, {"Windows", windowFunctions}, {"Numbers", numericFunctions}, {"Texts", textFunctions},
		{"Dates and times", dateFunctions}, {"JSON", jsonFunctions}, {"Lists, structs and maps", listFunctions}, {"Other", otherFunctions},
	}
	for i := range groups {
		names := strings.Fields(groups[i][1])
		slices.Sort(names)
		groups[i][1] = strings.Join(names, " ")
	}
	return groups
}

func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Nearest returns the name that differs least from one that was misspelled, or
// nothing when none is near. Both are in lower case.
func Nearest(misspelled string, names []string) string {
	limit := min(2, (len(misspelled)+1)/3)
	best, bestDistance := "", limit+1
	slices.Sort(names)
	for _, name := range names {
		if len(name) < 3 || len(name)-len(misspelled) > limit || len(misspelled)-len(name) > limit {
			continue
		}
		if d := distance(misspelled, name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the number of letters that are wrong, missing, too many or swapped
// with their neighbour.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			next[j+1] = row[j]
			if a[i] != b[j] {
				next[j+1] = 1 + min(row[j], row[j+1], next[j])
				if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
					next[j+1] = min(next[j+1], before[j-1]+1)
				}
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

func joined(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}

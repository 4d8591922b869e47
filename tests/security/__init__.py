"""What digestd holds against whoever means harm: each threat, and the tests that show it.

S01 header injection          test_message.py::test_no_untrusted_word_becomes_a_header
                              security/test_sinks.py::test_no_mail_has_a_header_part_mark_or_address_of_strangers
S02 SMTP commands             transports/test_pipelining.py::test_what_cannot_stand_in_a_command_is_no_mail
                              transports/test_smtp.py::test_the_bytes_at_the_relay_are_the_bytes_that_were_offered
S03 markup and script         test_render_hostile.py::test_nothing_untrusted_does_harm_in_any_field
                              security/test_sinks.py::test_no_page_has_a_mark_or_an_address_of_strangers
                              security/test_sinks_typed.py::test_no_form_comes_back_with_marks_of_whoever_filled_it_in
                              security/test_sinks_terminal.py::test_no_terminal_is_steered
                              web/test_guards.py::test_every_answer_carries_the_headers_and_no_cookie
                              sources/test_reported.py::test_source_error_is_shown_as_that_of_the_source
S04 templates                 test_templates.py::test_a_template_gets_nothing_it_was_not_given
                              test_templates.py::test_only_templates_are_rendered
S05 inward requests           ingest/test_ssrf_guard.py::test_a_redirect_inward_is_refused_and_not_connected_to
                              libraries/test_trouble.py::test_trouble_changes_nothing_and_is_tried_again_later
S06 bombs                     ingest/test_fetch.py::test_a_gzip_bomb_is_refused
                              sources/test_feed.py::test_entities_of_its_own_are_refused
S07 open redirects            test_render_hostile.py::test_only_plain_web_links_pass
                              security/test_csrf.py::test_no_link_leads_away
S08 tokens                    security/test_tokens.py::test_none_of_a_hundred_thousand_changed_tokens_is_accepted
                              security/test_tokens.py::test_no_changed_link_opens_a_page_or_acts
                              security/test_tokens.py::test_no_changed_token_of_the_api_is_let_in
                              test_links.py::test_retired_key_is_accepted_until_its_grace_ends
                              security/test_links_carry_no_power.py::test_stolen_retired_key_opens_no_page_but_to_unsubscribe
                              security/test_between_features.py::test_retired_key_changes_no_setting
                              test_secret.py::test_rotate_with_revoke_ends_the_grace_of_all
                              web/test_guards.py::test_a_token_opens_only_the_page_it_was_made_for
                              security/test_api_scopes.py::test_table_holds_every_route_of_the_api
                              security/test_api_scopes.py::test_each_scope_opens_its_routes_and_shows_nobody
                              security/test_api_scopes.py::test_no_scope_but_read_shows_anybody
                              security/test_api_scopes.py::test_no_valid_token_opens_nothing
S09 scanners                  web/test_scanners.py::test_no_address_in_any_mail_changes_anything_when_it_is_looked_at
                              web/test_guards.py::test_looking_changes_nothing
                              web/test_unsubscribe.py::test_one_click_of_a_mail_reader_leaves
S10 requests of other sites   security/test_csrf.py::test_no_header_stands_in_for_a_link
                              security/test_csrf.py::test_no_page_may_be_read_by_another_site
                              web/test_form_timestamp.py::test_another_site_cannot_have_its_visitors_ask
                              web/test_form_timestamp.py::test_a_stamp_fetched_by_a_server_is_no_use_to_its_visitors
S11 bombing by mail           security/test_bombing.py::test_no_address_gets_two_mails_by_any_route
                              security/test_strangers.py::test_move_mails_few_strangers_and_does_not_flood_the_owner
                              security/test_strangers.py::test_moves_of_many_accounts_mail_one_stranger_once
                              test_mail_budgets.py::test_budget_holds_across_processes_and_restarts
                              test_mail_budgets.py::test_budget_survives_erasure
                              web/test_resend.py::test_all_ways_to_a_mail_share_one_limit
                              web/test_form_timestamp.py::test_in_doubt_nothing_is_sent_and_one_button_goes_on
                              security/test_between_features.py::test_settings_link_uses_up_no_renewal
                              security/test_between_features.py::test_link_of_one_pick_uses_up_no_other
S12 who is here               security/test_alike.py::test_every_standing_gets_the_same_answer_after_the_same_time
                              security/test_alike.py::test_the_work_is_done_long_before_the_wait_is_over
                              security/test_alike.py::test_four_thousand_answers_cannot_be_told_apart
                              web/test_subscribe.py::test_the_answer_tells_nothing_of_the_address
                              web/test_resend.py::test_nobody_else_gets_a_mail_and_the_answer_tells_nothing
                              security/test_between_features.py::test_move_tells_its_owner_nothing_of_the_new_address
                              security/test_between_features.py::test_export_tells_nothing_of_an_address_to_move_to
                              security/test_between_features.py::test_network_counts_for_forms_as_for_mails
                              security/test_api_scopes.py::test_answers_without_read_are_alike_for_everybody
                              security/test_api_scopes.py::test_answers_without_read_take_the_same_time
S13 addresses                 test_links.py::test_canonical_address_refuses_invalid_with_remedy
                              test_links.py::test_canonical_address_accepts_or_refuses_any_text
S14 statements                security/test_statements.py::test_no_statement_is_put_together_from_values
                              security/test_any_request.py::test_no_request_is_a_fault
                              security/test_schema.py::test_no_request_that_a_page_describes_or_forbids_is_a_fault
                              web/test_api_described.py::test_no_request_that_the_description_allows_or_forbids_is_a_fault
S15 patterns                  security/test_patterns.py::test_what_an_expression_costs_grows_with_the_text_alone
                              security/test_patterns.py::test_every_expression_is_tried
                              bounces/test_hostile.py::test_what_is_deep_long_or_odd_is_survived
                              relaylogs/test_formats.py::test_a_hostile_line_costs_no_time
S16 secrets in logs           security/test_canaries.py::test_no_secret_address_or_wish_is_told_by_a_run_or_its_crashes
                              security/test_canaries.py::test_a_mailer_that_crashes_tells_where_and_never_over_what
                              security/test_canaries.py::test_no_command_that_fails_tells_a_password
                              web/test_guards.py::test_the_log_names_routes_and_never_a_token_or_address
                              web/test_guards.py::test_a_fault_is_noted_without_its_words_and_shown_without_details
                              test_links.py::test_keys_repr_hides_the_secret
                              libraries/test_linking.py::test_the_key_is_in_no_file_log_or_export_and_gone_after_erasure
                              libraries/test_linking.py::test_a_stolen_file_gives_nothing_and_a_moved_row_does_not_open
S17 operators                 security/test_csrf.py::test_there_is_no_way_in_for_operators
                              web/test_operator_access.py::test_operations_refuse_what_a_local_proxy_passes_on
                              web/test_operator_access.py::test_operations_refuse_other_machines
S18 forged bounces            inbound/test_taking.py::test_a_forged_return_path_suppresses_nobody
                              inbound/test_taking.py::test_bounce_with_message_id_alone_changes_nothing
                              inbound/test_taking.py::test_bounce_with_message_id_alone_settles_nothing
                              inbound/test_taking.py::test_complaint_with_unsubscribe_link_alone_changes_nothing
                              inbound/test_taking.py::test_report_is_held_after_its_reader_gave_feedback
                              inbound/test_certificates.py::test_certificate_of_somebody_else_is_refused
                              bounces/test_providers.py::test_a_certificate_from_elsewhere_is_never_fetched
                              bounces/test_providers.py::test_provider_survives_hostile_value_in_any_place
                              web/test_webhooks.py::test_webhook_answers_400_to_lone_surrogate
                              inbound/test_taking.py::test_no_changed_mac_does_anything
                              web/test_webhooks.py::test_what_is_not_genuine_changes_nothing
S19 signatures                test_sign.py::test_dkimpy_refuses_what_was_changed_or_added
S20 export and erasure        test_subscribe.py::test_the_file_holds_nothing_of_the_erased
                              test_belongings.py::test_every_table_is_known_to_hold_something_of_a_person_or_nothing
                              test_consent.py::test_nothing_on_record_can_be_taken_away
                              libraries/test_linking.py::test_unlinking_forgets_the_key_and_keeps_or_drops_the_papers
S21 tracking                  test_render_hostile.py::test_no_mail_loads_anything_from_afar
S22 what is depended on       test_deploy.py::test_lock_has_hashes_and_no_host_names
                              test_audit.py::test_audit_queries_each_package_and_names_the_fix
                              test_packaging.py::test_wheel_contains_an_sbom_of_the_lock
S23 rights of the service     test_deploy.py::test_unit_has_a_low_systemd_exposure
                              test_deploy.py::test_unit_takes_passwords_as_credentials
                              test_deploy.py::test_base_image_is_pinned_by_digest
S24 load on the pages         web/test_guards.py::test_more_than_16_kb_are_refused
                              web/test_guards.py::test_a_body_that_never_comes_is_not_waited_for
                              security/test_slow.py::test_the_service_answers_while_hundreds_hold_on
                              security/test_slow.py::test_who_holds_on_is_let_go
S25 words of one for others   references/test_privacy.py::test_no_reference_is_seen_by_anybody_else
                              references/test_privacy.py::test_shared_pages_do_not_name_the_reference
                              references/test_attacks.py::test_import_gives_a_paper_of_today_no_link_or_abstract
                              references/test_attacks.py::test_claimed_future_id_does_not_touch_the_paper
                              references/test_attacks.py::test_ids_that_are_typed_create_and_alias_nothing
                              references/test_ranking.py::test_nothing_of_another_subscriber_is_found
                              references/test_erasure.py::test_erasure_leaves_no_reference_in_any_row_file_or_log
                              references/test_erasure.py::test_vacuum_leaves_no_reference_in_the_data_folder
S26 links that are passed on  security/test_links_carry_no_power.py::test_passed_on_link_reaches_no_other_token
                              security/test_links_carry_no_power.py::test_passed_on_link_changes_its_own_pick_at_most
                              web/test_requests.py::test_settings_link_alone_only_causes_a_mail
                              web/test_requests.py::test_settings_link_alone_cannot_move_the_address
                              web/test_feedback.py::test_nothing_is_muted_by_the_link_of_a_pick
                              web/test_saved.py::test_the_secret_address_is_only_to_read
                              security/test_between_features.py::test_old_confirmation_shows_nothing_of_the_settings
                              commands/test_proof.py::test_renewed_links_void_the_address_of_earlier_mails
                              commands/test_proof.py::test_command_address_counts_as_long_as_the_settings_link
                              commands/test_proof.py::test_mails_to_a_former_address_speak_for_nobody_new
S27 hijacked parsers          confinement/test_layers.py::test_layer_refuses_attack
                              confinement/test_layers.py::test_other_layers_hold_if_one_is_missing
                              confinement/test_layers.py::test_every_system_call_outside_the_list_is_refused
                              confinement/test_layers.py::test_child_inherits_nothing
                              confinement/test_layers.py::test_child_ends_with_the_service
                              confinement/test_report.py::test_service_logs_each_gap_when_it_starts
                              ingest/test_decoding.py::test_frame_that_is_no_page_is_refused
                              ingest/test_decoding.py::test_record_with_a_wrong_field_is_refused
                              inbound/test_hostile_parser.py::test_answer_of_a_hijacked_parser_is_refused
S28 forged commands by mail   commands/test_proof.py::test_message_id_and_from_prove_nothing
                              commands/test_proof.py::test_no_other_stamp_is_believed
                              commands/test_proof.py::test_forged_stamp_beside_the_server_s_own_is_refused
                              commands/test_proof.py::test_dmarc_pass_speaks_for_the_sender_alone
                              commands/test_proof.py::test_second_from_header_is_refused
                              commands/test_proof.py::test_signed_sender_cannot_be_hidden
                              commands/test_proof.py::test_tagged_address_ends_with_settings_links
                              commands/test_proof.py::test_signed_mail_to_somebody_else_is_no_command
                              commands/test_authentication.py::test_authentication_refuses_malformed_field
S29 mass suppression          deliver/test_brake.py::test_wrong_map_suppresses_nobody_and_mails_wait
                              deliver/test_brake.py::test_refusal_of_every_mail_burns_no_reader
                              security/test_between_features.py::test_unsubscribing_while_suppressed_outlives_its_undoing
                              security/test_between_features.py::test_erasure_lifts_no_wish_never_to_be_written_to
                              commands/test_proof.py::test_unsubscribing_by_mail_counts_while_suppressed
                              deliver/test_brake.py::test_wave_of_bounces_suppresses_nobody
                              deliver/test_brake.py::test_unconfirmed_addresses_do_not_set_off_the_brake
                              inbound/test_taking.py::test_wave_of_reports_by_mail_suppresses_nobody
                              inbound/test_unsuppress.py::test_unsuppress_restores_status_and_leaves_complaints
S30 limits as weapons         web/test_subscribe.py::test_blank_posts_of_one_network_close_nothing_for_others
                              web/test_subscribe.py::test_a_network_is_answered_alike_until_its_share_is_used_up
                              security/test_strangers.py::test_visitors_behind_a_trusted_proxy_count_each_for_themselves
                              security/test_strangers.py::test_nobody_else_says_who_the_client_is
                              test_mail_budgets.py::test_budget_of_forms_is_separate_from_forged_mail
                              test_mail_budgets.py::test_budget_of_the_owner_is_separate_from_strangers
                              test_mail_budgets.py::test_budget_limits_each_network
                              test_mail_budgets.py::test_budget_delays_mails_before_refusing
S31 change before consent     security/test_strangers.py::test_anonymous_post_changes_nothing_before_consent
                              security/test_strangers.py::test_own_confirmation_stands_beside_that_of_a_stranger
                              security/test_strangers.py::test_bounce_is_healed_by_confirming_alone
                              test_subscribe.py::test_each_confirmation_applies_its_own_request
                              test_subscribe.py::test_asking_changes_nothing_of_whoever_left
S32 unconfirmed addresses     test_subscribe.py::test_unconfirmed_addresses_are_purged_after_a_week
                              test_subscribe.py::test_a_purge_leaves_no_address_or_wish_in_the_file
                              security/test_strangers.py::test_confirmation_says_what_is_true_and_lets_its_reader_erase
                              security/test_strangers.py::test_confirmation_link_erases_no_subscriber
"""

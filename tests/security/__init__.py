"""Threats, and the tests of the defence against each.

S01 header injection          mail/test_message.py::test_untrusted_text_never_becomes_a_header
                              security/test_sinks.py::test_mails_have_no_injected_header_or_markup
S02 SMTP commands             transports/test_pipelining.py::test_smtp_rejects_invalid_command_arguments
                              transports/test_smtp.py::test_smtp_transfers_the_bytes_unchanged
S03 markup and script         mail/test_render_hostile.py::test_render_escapes_untrusted_text_in_any_field
                              security/test_sinks.py::test_pages_have_no_injected_markup_or_url
                              security/test_sinks_forms.py::test_forms_have_no_injected_markup
                              security/test_sinks_terminal.py::test_output_has_no_control_sequences
                              web/test_guards.py::test_answers_have_security_headers_and_no_cookie
                              sources/test_reported.py::test_source_error_is_quoted
S04 templates                 mail/test_templates.py::test_template_rejects_undefined_names
                              mail/test_templates.py::test_render_page_rejects_other_files
S05 inward requests           papers/test_ssrf_guard.py::test_fetch_never_connects_to_private_redirect
                              libraries/test_sync_failures.py::test_sync_retries_after_an_error
S06 decompression bombs                     papers/test_fetch.py::test_fetch_refuses_gzip_bomb
                              sources/test_contract.py::test_source_refuses_entity_bombs
S07 open redirects            mail/test_render_hostile.py::test_safe_url_accepts_only_web_links
                              security/test_csrf.py::test_no_open_redirect
S08 tokens                    security/test_tokens.py::test_changed_tokens_are_refused
                              security/test_tokens.py::test_changed_links_open_nothing
                              security/test_tokens.py::test_changed_api_tokens_are_refused
                              security/test_links.py::test_retired_key_is_accepted_until_its_grace_ends
                              security/test_forwarded_links.py::test_stolen_retired_key_can_only_unsubscribe
                              security/test_feature_combinations.py::test_retired_key_changes_no_setting
                              security/test_secret_key.py::test_rotate_with_revoke_ends_the_grace_of_all
                              security/test_link_matrix.py::test_links_open_only_routes_of_their_kind
                              security/test_api_scopes.py::test_table_covers_all_api_routes
                              security/test_api_scopes.py::test_scopes_open_their_routes_without_disclosure
                              security/test_api_scopes.py::test_only_read_discloses_subscribers
                              security/test_api_scopes.py::test_invalid_token_opens_nothing
S09 mail scanners             web/test_scanners.py::test_get_of_every_mailed_url_changes_nothing
                              web/test_guards.py::test_get_changes_nothing
                              web/test_unsubscribe.py::test_one_click_unsubscribes
S10 CSRF                      security/test_csrf.py::test_no_header_replaces_link
                              security/test_csrf.py::test_other_sites_cannot_read_pages
                              web/test_form_timestamp.py::test_other_site_cannot_submit_form
                              web/test_form_timestamp.py::test_timestamp_of_other_network_is_doubtful
S11 mail bombing              security/test_bombing.py::test_no_address_gets_two_mails_a_day
                              security/test_strangers.py::test_address_changes_mail_few_strangers
                              security/test_strangers.py::test_address_changes_mail_stranger_once
                              store/test_mail_budgets.py::test_budget_holds_across_processes_and_restarts
                              store/test_mail_budgets.py::test_budget_survives_erasure
                              web/test_resend.py::test_all_forms_share_mail_limit
                              web/test_form_timestamp.py::test_doubtful_form_asks_before_sending
                              security/test_feature_combinations.py::test_settings_link_does_not_use_up_renewals
                              security/test_feature_combinations.py::test_pick_links_have_separate_limits
S12 enumeration               security/test_enumeration.py::test_answer_and_time_are_same_for_every_status
                              web/test_subscribe.py::test_answer_is_same_for_any_address
                              web/test_resend.py::test_resend_discloses_nothing
                              security/test_enumeration.py::test_answers_over_http_are_indistinguishable
                              security/test_feature_combinations.py::test_address_change_discloses_no_subscriber
                              security/test_feature_combinations.py::test_export_discloses_nothing_about_new_address
                              security/test_feature_combinations.py::test_forms_without_mail_count_for_network
                              security/test_api_scopes.py::test_answers_without_read_are_same_for_everybody
                              security/test_api_scopes.py::test_answers_without_read_take_the_same_time
S13 addresses                 security/test_links.py::test_canonical_address_refuses_invalid_with_remedy
                              security/test_links.py::test_canonical_address_accepts_or_refuses_any_text
S14 statements                security/test_statements.py::test_no_statement_is_built_from_values
                              security/test_any_request.py::test_any_request_causes_no_server_error
                              web/test_api_described.py::test_described_requests_cause_no_server_error
S15 patterns                  bounces/test_hostile.py::test_classify_survives_deep_and_long_mails
                              delivery/test_relay_logs.py::test_hostile_line_says_nothing
S16 secrets in logs           security/test_canaries.py::test_run_and_crashes_log_no_canary
                              security/test_canaries.py::test_delivery_crash_logs_location_only
                              security/test_canaries.py::test_failing_commands_print_no_password
                              web/test_guards.py::test_log_has_routes_but_no_token_or_address
                              web/test_guards.py::test_server_error_is_logged_without_values
                              security/test_links.py::test_keys_repr_hides_the_secret
                              libraries/test_link.py::test_api_key_is_never_stored_in_plain_text
                              libraries/test_link.py::test_encrypted_key_is_bound_to_its_library
S17 operators                 security/test_csrf.py::test_there_is_no_operator_login
                              web/test_operator_access.py::test_operator_pages_refuse_proxied_requests
                              web/test_operator_access.py::test_operator_pages_require_known_machines
S18 forged bounces            inbound/test_processing.py::test_forged_return_path_suppresses_nobody
                              inbound/test_processing.py::test_bounce_with_message_id_alone_changes_nothing
                              inbound/test_processing.py::test_bounce_with_message_id_alone_settles_nothing
                              inbound/test_processing.py::test_complaint_with_unsubscribe_link_alone_changes_nothing
                              inbound/test_processing.py::test_bounce_is_held_after_feedback_on_the_mail
                              inbound/test_certificates.py::test_untrusted_certificate_is_refused
                              bounces/test_providers.py::test_ses_never_fetches_foreign_certificate_url
                              bounces/test_providers.py::test_parse_survives_hostile_value_in_any_field
                              web/test_provider_webhooks.py::test_webhook_answers_400_to_lone_surrogate
                              inbound/test_processing.py::test_changed_mac_is_forged
                              web/test_provider_webhooks.py::test_invalid_signature_changes_nothing
S19 signatures                mail/test_dkim.py::test_dkimpy_rejects_changed_or_added_headers
S20 export and erasure        subscribers/test_signup.py::test_erasure_leaves_nothing_in_the_file
                              subscribers/test_data_export.py::test_data_export_classifies_every_table
                              subscribers/test_consent.py::test_consent_events_cannot_be_deleted
                              libraries/test_link.py::test_unlink_deletes_the_key_and_keeps_or_drops_papers
S21 tracking                  mail/test_render_hostile.py::test_mail_loads_no_remote_content
S22 dependencies              test_deploy.py::test_lock_has_hashes_and_no_host_names
                              test_audit.py::test_audit_queries_each_package_and_names_the_fix
                              test_packaging.py::test_wheel_contains_an_sbom_of_the_lock
S23 service privileges        test_deploy.py::test_units_have_a_low_systemd_exposure
                              printed/test_printed.py::test_check_names_what_only_root_can_read
                              test_deploy.py::test_base_image_is_pinned_by_digest
S24 denial of service         web/test_guards.py::test_body_over_16_kb_is_refused
                              web/test_guards.py::test_missing_body_times_out
                              security/test_slow.py::test_service_answers_during_slow_attack
                              security/test_slow.py::test_slow_clients_are_disconnected
S25 private references        references/test_privacy.py::test_no_reference_is_seen_by_anybody_else
                              references/test_privacy.py::test_shared_pages_do_not_name_the_reference
                              references/test_attacks.py::test_import_gives_a_paper_of_today_no_link_or_abstract
                              references/test_attacks.py::test_claimed_future_id_does_not_touch_the_paper
                              references/test_attacks.py::test_entered_ids_create_and_alias_nothing
                              references/test_ranking.py::test_references_of_others_are_not_found
                              references/test_erasure.py::test_erasure_leaves_no_reference_in_any_row_file_or_log
                              references/test_erasure.py::test_vacuum_leaves_no_reference_in_the_data_folder
S26 links that are passed on  security/test_forwarded_links.py::test_forwarded_link_reaches_no_other_token
                              security/test_forwarded_links.py::test_forwarded_link_changes_only_its_pick
                              web/test_requests.py::test_settings_link_alone_only_sends_mail
                              web/test_requests.py::test_settings_link_alone_cannot_change_address
                              web/test_feedback.py::test_pick_link_cannot_mute
                              web/test_saved.py::test_secret_address_is_read_only
                              web/test_saved.py::test_notes_stay_with_their_owner
                              security/test_feature_combinations.py::test_old_confirmation_discloses_no_settings
                              commands/test_authorization.py::test_renewed_links_revoke_earlier_command_addresses
                              commands/test_authorization.py::test_command_address_is_valid_like_settings_link
                              commands/test_authorization.py::test_mails_to_former_address_prove_no_new_owner
S27 hijacked parsers          confinement/test_layers.py::test_layer_refuses_attacks
                              confinement/test_layers.py::test_parser_inherits_nothing
                              confinement/test_layers.py::test_parser_ends_with_service
                              confinement/test_report.py::test_service_logs_gaps_at_start
                              papers/test_decoding.py::test_decode_refuses_invalid_frame
                              papers/test_decoding.py::test_decode_refuses_record_with_wrong_field
                              inbound/test_hostile_parser.py::test_invalid_parser_answer_is_refused
S28 forged commands by mail   commands/test_authorization.py::test_message_id_and_from_prove_nothing
                              commands/test_authorization.py::test_other_authentication_headers_prove_nothing
                              commands/test_authorization.py::test_forged_result_beside_genuine_one_is_refused
                              commands/test_authorization.py::test_dmarc_pass_proves_only_the_exact_sender
                              commands/test_authorization.py::test_second_from_header_is_refused
                              commands/test_authorization.py::test_authenticated_sender_cannot_be_hidden
                              commands/test_authorization.py::test_command_address_expires_with_settings_link
                              commands/test_authorization.py::test_authenticated_mail_to_others_is_no_command
                              commands/test_authentication.py::test_authentication_refuses_malformed_field
S29 mass suppression          delivery/test_bounce_surge.py::test_surge_of_refusals_suppresses_nobody
                              delivery/test_bounce_surge.py::test_refusal_of_every_mail_suppresses_nobody
                              security/test_feature_combinations.py::test_unsubscribe_while_suppressed_survives_unsuppress
                              security/test_feature_combinations.py::test_erasure_keeps_suppression_on_request
                              commands/test_authorization.py::test_unsubscribe_counts_while_suppressed
                              delivery/test_bounce_surge.py::test_surge_of_bounces_suppresses_nobody
                              delivery/test_bounce_surge.py::test_surge_ignores_unconfirmed_addresses
                              inbound/test_processing.py::test_wave_of_bounces_by_mail_suppresses_nobody
                              inbound/test_unsuppress.py::test_unsuppress_restores_status_and_leaves_complaints
S30 abuse of limits           web/test_subscribe.py::test_blank_forms_do_not_block_other_networks
                              web/test_subscribe.py::test_limit_is_same_for_any_address
                              security/test_strangers.py::test_visitors_behind_proxy_are_counted_separately
                              security/test_strangers.py::test_untrusted_forwarded_header_is_ignored
                              store/test_mail_budgets.py::test_budget_of_forms_is_separate_from_forged_mail
                              store/test_mail_budgets.py::test_budget_of_the_owner_is_separate_from_strangers
                              store/test_mail_budgets.py::test_budget_limits_each_network
                              store/test_mail_budgets.py::test_budget_delays_mails_before_refusing
S31 change before consent     security/test_strangers.py::test_anonymous_form_changes_nothing_before_consent
                              security/test_strangers.py::test_own_confirmation_works_after_stranger_signup
                              security/test_strangers.py::test_only_confirmation_clears_bounce
                              subscribers/test_signup.py::test_confirm_applies_its_own_request
                              subscribers/test_signup.py::test_signup_changes_nothing_for_the_unsubscribed
S32 unconfirmed addresses     subscribers/test_signup.py::test_purge_deletes_unconfirmed_after_a_week
                              subscribers/test_signup.py::test_purge_leaves_no_personal_data_in_the_file
                              security/test_strangers.py::test_confirmation_mail_offers_erasure
                              security/test_strangers.py::test_confirmation_link_cannot_erase_subscriber
S33 assistants                test_assistant.py::test_words_of_papers_stay_quoted
                              test_assistant.py::test_reader_token_opens_this_door_alone
                              test_assistant.py::test_topics_change_by_their_own_code_alone
                              test_assistant.py::test_pages_of_other_sites_are_refused
"""
